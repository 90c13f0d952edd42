// panva's oidc-provider with the people given on stdin, as JSON. It prints where it is. Whoever is named by the last
// POST to /sign-in-as, in JSON, signs in when a browser comes to it, and agrees to everything; nobody (null) refuses.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { json } from 'node:stream/consumers'
import { webcrypto } from 'node:crypto'

// Node 18, which Debian 12 has, does not make this global by itself.
globalThis.crypto ??= webcrypto
const { default: Provider } = await import('oidc-provider')

const { client_id, client_secret, redirect_uri, people } = await new Promise((resolve) => {
  createInterface({ input: process.stdin }).once('line', (line) => resolve(JSON.parse(line)))
})
process.stdin.on('end', () => process.exit()).resume() // the test is over

const server = createServer()
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const issuer = `http://127.0.0.1:${server.address().port}`
let who = null

const provider = new Provider(issuer, {
  clients: [{ client_id, client_secret, redirect_uris: [redirect_uri], response_types: ['code'], grant_types: ['authorization_code'] }],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['preferred_username', 'groups'] },
  features: { devInteractions: { enabled: false } },
  pkce: { required: () => true, methods: ['S256'] },
  cookies: { keys: ['of a test'] },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, sub) => people[sub] && { accountId: sub, claims: () => ({ sub, ...people[sub] }) },
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId })
    grant.addOIDCScope('openid email profile')
    await grant.save()
    return grant
  },
})

const answer = provider.callback()
server.on('request', async (req, res) => {
  if (req.method === 'POST' && req.url === '/sign-in-as') {
    who = await json(req)
    return res.writeHead(204).end()
  }
  if (req.url.startsWith('/interaction/')) {
    const result = who === null ? { error: 'access_denied' } : { login: { accountId: who } }
    return provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false })
  }
  answer(req, res)
})
console.log(issuer)
