// oauth4webapi as a client and as a resource server of Keywright. What to talk to
// comes as JSON on stdin; a failed assertion is a stack trace and exit code 1.
import assert from 'node:assert/strict'
import { webcrypto } from 'node:crypto'
import { text } from 'node:stream/consumers'
import * as oauth from 'oauth4webapi'

// Node 18, which Debian 12 has, does not make these global by itself.
globalThis.crypto ??= webcrypto
globalThis.CryptoKey ??= webcrypto.CryptoKey

const { issuer, client_id, client_secret, api_key, audience, scopes } = JSON.parse(await text(process.stdin))
const insecure = { [oauth.allowInsecureRequests]: true }
const url = new URL(issuer)
const client = { client_id }

const as = await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: 'oauth2', ...insecure }))
assert.equal(as.issuer, issuer)

async function introspect(auth, token) {
  return oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, auth, token, insecure))
}

for (const [name, auth] of [
  ['basic', oauth.ClientSecretBasic(client_secret)],
  ['post', oauth.ClientSecretPost(client_secret)],
]) {
  // grant, narrowed
  const response = await oauth.clientCredentialsGrantRequest(as, client, auth, { scope: scopes[0] }, insecure)
  const granted = await oauth.processClientCredentialsResponse(as, client, response)
  assert.equal(granted.token_type, 'bearer', name) // the library lowers it
  assert.equal(granted.scope, scopes[0], name)
  assert.equal(granted.refresh_token, undefined, name)
  assert(granted.expires_in > 0, name)

  // a resource server that reads the JWT by itself
  const request = new Request('http://127.0.0.1/invoices', { headers: { authorization: `Bearer ${granted.access_token}` } })
  const claims = await oauth.validateJwtAccessToken(as, request, audience, insecure)
  assert.equal(claims.client_id, client_id, name)
  assert.equal(claims.scope, scopes[0], name)
  await assert.rejects(oauth.validateJwtAccessToken(as, request, 'https://other.example', insecure), oauth.OperationProcessingError)

  // a resource server that asks
  const about = await introspect(auth, granted.access_token)
  assert.equal(about.active, true, name)
  assert.equal(about.sub, claims.sub, name)
  assert.equal(about.jti, claims.jti, name)
  assert.equal(about.exp, claims.exp, name)
  assert.equal(about.client_id, client_id, name)
  assert.equal((await introspect(auth, api_key)).active, true, name)

  // exchange of the API key for less
  const exchange = new URLSearchParams({
    subject_token: api_key,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    scope: scopes[0],
  })
  const exchanged = await oauth.processGenericTokenEndpointResponse(as, client, await oauth.genericTokenEndpointRequest(
    as, client, auth, 'urn:ietf:params:oauth:grant-type:token-exchange', exchange, insecure))
  assert.equal(exchanged.scope, scopes[0], name)
  assert.equal(exchanged.issued_token_type, 'urn:ietf:params:oauth:token-type:access_token', name)

  // revoked is inactive, at once
  for (const token of [granted.access_token, exchanged.access_token]) {
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, token, insecure))
    assert.deepEqual(await introspect(auth, token), { active: false }, name)
  }

  // a wrong secret is told as the library expects it
  const wrong = name === 'basic' ? oauth.ClientSecretBasic('x'.repeat(43)) : oauth.ClientSecretPost('x'.repeat(43))
  await assert.rejects(
    async () => oauth.processClientCredentialsResponse(as, client, await oauth.clientCredentialsGrantRequest(as, client, wrong, {}, insecure)),
    (e) => e instanceof oauth.WWWAuthenticateChallengeError || e.error === 'invalid_client', name)
}
console.log('oauth4webapi: ok')
