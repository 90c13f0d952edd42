// openid-client against Keywright. What to talk to comes as JSON on stdin; a
// failed assertion is a stack trace and exit code 1.
import assert from 'node:assert/strict'
import { text } from 'node:stream/consumers'
import * as client from 'openid-client'

const { issuer, client_id, client_secret, api_key, scopes } = JSON.parse(await text(process.stdin))
const options = { algorithm: 'oauth2', execute: [client.allowInsecureRequests] }

for (const [name, auth] of [
  ['default', undefined], // the library's own choice for a client with a secret
  ['basic', client.ClientSecretBasic(client_secret)],
  ['post', client.ClientSecretPost(client_secret)],
]) {
  const config = await client.discovery(new URL(issuer), client_id, client_secret, auth, options)
  assert.equal(config.serverMetadata().issuer, issuer, name)

  const whole = await client.clientCredentialsGrant(config)
  assert.deepEqual(whole.scope.split(' ').sort(), [...scopes].sort(), name)
  const narrow = await client.clientCredentialsGrant(config, { scope: scopes[0] })
  assert.equal(narrow.scope, scopes[0], name)
  assert(narrow.expiresIn() > 0, name)

  const about = await client.tokenIntrospection(config, narrow.access_token)
  assert.equal(about.active, true, name)
  assert.equal(about.scope, scopes[0], name)
  assert.equal(about.client_id, client_id, name)
  assert(about.sub, name)
  assert.equal((await client.tokenIntrospection(config, api_key)).active, true, name)

  const exchanged = await client.genericGrantRequest(config, 'urn:ietf:params:oauth:grant-type:token-exchange', {
    subject_token: api_key,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    scope: scopes[0],
  })
  assert.equal(exchanged.scope, scopes[0], name)

  await client.tokenRevocation(config, narrow.access_token)
  assert.deepEqual(await client.tokenIntrospection(config, narrow.access_token), { active: false }, name)
  assert.equal((await client.tokenIntrospection(config, whole.access_token)).active, true, name)

  await assert.rejects(client.clientCredentialsGrant(config, { scope: 'never:granted' }), { error: 'invalid_scope' }, name)
}
console.log('openid-client: ok')
