// Does all that @neuroio/rest-api can do with tokens at the server that standard input describes. The first thing that
// is not as it should be ends it.
import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import client from "@neuroio/rest-api";

const given = JSON.parse(await text(process.stdin));

// api is the client, made with a token or without.
function api(token) {
  const made = client.createNeuroioRestApi({ version: 1, token });
  made.setEndpoint({ base: given.url + "/", auth: given.url + "/v1/" });
  return made;
}

// refused is the error that a call ends with, which has NeuroIO's shape.
async function refused(status, call) {
  const { response } = await assert.rejects(call).then(() => call().catch((error) => error));
  assert.equal(response.status, status);
  assert.ok(Array.isArray(response.data.error_codes) && Array.isArray(response.data.fields));
  assert.equal(typeof response.data.message, "string");
  return response.data;
}

const hours = (token) => (new Date(token.expires) - new Date(token.created)) / 3600e3;
const ids = (tokens) => tokens.map((token) => token.id);

// A login gives a temporary token, which the client then uses.
const person = api();
assert.deepEqual((await refused(401, () => person.auth.login(given.username, "not the password"))).error_codes, [602]);
const { token: login, user } = await person.init(given.username, given.password);
assert.deepEqual(user, { username: given.username, space: null });
assert.equal(hours(login), 24);
assert.deepEqual(await person.auth.whoami(), user);
const temporary = await person.tokens.createToken({});
assert.ok(temporary.is_active && hours(temporary) > 23 && hours(temporary) <= 24);
await refused(403, () => person.tokens.createToken({ permanent: true }));

// Made with a token, the client shows it in a header of its own.
const program = api(given.token);
const lasting = await program.tokens.createToken({ permanent: true });
assert.equal(lasting.expires, null);
assert.deepEqual(ids(await program.tokens.getTokens({ permanent: false })), [login.id, temporary.id]);
assert.deepEqual(ids(await program.tokens.getTokens({ permanent: true, limit: 1, offset: 1 })), [lasting.id]);
const shown = await program.tokens.getToken(lasting.id);
assert.equal(shown.id, lasting.id);
assert.equal(shown.key, "kw_..." + lasting.key.slice(-5));

// Off and on again.
assert.equal((await program.tokens.updateToken({ id: lasting.id, is_active: false })).is_active, false);
await refused(401, () => api(lasting.key).auth.whoami());
assert.equal((await program.tokens.updateToken({ id: lasting.id, is_active: true })).is_active, true);
assert.equal((await api(lasting.key).auth.whoami()).username, given.username);

// A sixth permanent token is one too many.
for (let n = 2; n < 5; n++) await program.tokens.createToken({ permanent: true });
await refused(400, () => program.tokens.createToken({ permanent: true }));

// A space token is of its space only.
const spaced = await program.spaces.createToken({ id: given.space, permanent: true });
const within = api(spaced.key);
assert.deepEqual(await within.auth.whoami(), { username: given.username, space: { id: given.space, name: "lab" } });
assert.deepEqual(ids(await within.tokens.getTokens()), [spaced.id]);
await refused(404, () => program.tokens.getToken(spaced.id));

// Delete one, and lists; the token in the hand stays.
await program.tokens.deleteToken(temporary.id);
await refused(404, () => program.tokens.getToken(temporary.id));
await program.tokens.deleteTokens({ permanent: true });
assert.deepEqual(ids(await program.tokens.getTokens({})), [1, login.id]);
await program.tokens.deleteTokens();
assert.deepEqual(ids(await program.tokens.getTokens({})), [1]);
await refused(401, () => person.auth.whoami());
assert.deepEqual(ids(await within.tokens.getTokens({})), [spaced.id]);

// A new password, and a new login; with reset_tokens nothing that was given before works any more.
const again = await person.init(given.username, given.password);
const next = { old_password: given.password, password: "a new long password", password2: "a new long password" };
assert.equal((await refused(400, () => person.auth.changePassword({ ...next, password2: "another" }))).fields[0].name, "password2");
await person.auth.changePassword({ ...next, reset_tokens: true });
for (const ended of [person, program, within]) await refused(401, () => ended.auth.whoami());
await refused(401, () => person.auth.login(given.username, given.password));
const last = await person.init(given.username, "a new long password");
assert.notEqual(last.token.id, again.token.id);
await person.auth.logout(last.token.id);
await refused(401, () => person.auth.whoami());
