// oauth4webapi with dpop and jose: every request is made by hand, as a careful program would.
import * as oauth from 'oauth4webapi'
import * as DPoP from 'dpop'
import * as jose from 'jose'
import { strict as assert } from 'node:assert'

const { ISSUER, BROWSER, AUDIENCE, SECRET_ID, SECRET, PUBLIC_ID, KEY_ID, KEY } = process.env
const insecure = { [oauth.allowInsecureRequests]: true }
const redirect = 'http://127.0.0.1:45123/cb'
const browse = async (url) => new URL(await (await fetch(`${BROWSER}/allow?url=${encodeURIComponent(url)}`)).text())

const issuer = new URL(ISSUER)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }))
const keys = jose.createRemoteJWKSet(new URL(as.jwks_uri))
const verified = (token) => jose.jwtVerify(token, keys, { issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt' })

// A client with a secret, for itself.
const client = { client_id: SECRET_ID }
const basic = oauth.ClientSecretBasic(SECRET)
const own = await oauth.processClientCredentialsResponse(as, client, await oauth.clientCredentialsGrantRequest(as, client, basic, { scope: 'accounts:read' }, insecure))
assert.equal((await verified(own.access_token)).payload.sub, SECRET_ID)

// For a person: a pushed request, PKCE, the answer's issuer.
const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const parameters = new URLSearchParams({ client_id: SECRET_ID, redirect_uri: redirect, response_type: 'code', scope: 'accounts:read', state,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', resource: AUDIENCE })
const pushed = await oauth.processPushedAuthorizationResponse(as, client, await oauth.pushedAuthorizationRequest(as, client, basic, parameters, insecure))
const to = new URL(as.authorization_endpoint)
to.searchParams.set('client_id', SECRET_ID)
to.searchParams.set('request_uri', pushed.request_uri)
const answer = oauth.validateAuthResponse(as, client, await browse(to.href), state)
const first = await oauth.processAuthorizationCodeResponse(as, client,
  await oauth.authorizationCodeGrantRequest(as, client, basic, answer, redirect, verifier, insecure))
const claims = (await verified(first.access_token)).payload
assert.notEqual(claims.sub, SECRET_ID)
assert.equal(claims.client_id, SECRET_ID)
const second = await oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, basic, first.refresh_token, insecure))
const active = async (token) => (await oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, basic, token, insecure))).active
assert.equal(await active(second.access_token), true)
assert.equal(await active(first.refresh_token), false)
await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, basic, second.refresh_token, insecure))
assert.equal(await active(second.access_token), false)

// A client with a key of its own (RFC 7523).
const key = { client_id: KEY_ID }
const assertion = oauth.PrivateKeyJwt({ key: await jose.importJWK(JSON.parse(KEY), 'ES256'), kid: undefined })
const asserted = await oauth.processClientCredentialsResponse(as, key, await oauth.clientCredentialsGrantRequest(as, key, assertion, {}, insecure))
assert.equal((await verified(asserted.access_token)).payload.client_id, KEY_ID)

// A client without a secret, whose tokens are bound to a key by dpop's own proofs; the server's nonce is taken on the way.
const pair = await DPoP.generateKeyPair('ES256')
const bound = { client_id: PUBLIC_ID }
const opens = oauth.generateRandomCodeVerifier()
const ask = new URL(as.authorization_endpoint)
for (const [name, value] of Object.entries({ client_id: PUBLIC_ID, redirect_uri: redirect, response_type: 'code', state,
  code_challenge: await oauth.calculatePKCECodeChallenge(opens), code_challenge_method: 'S256', dpop_jkt: await DPoP.calculateThumbprint(pair.publicKey) })) {
  ask.searchParams.set(name, value)
}
const returned = oauth.validateAuthResponse(as, bound, await browse(ask.href), state)
const post = async (body) => {
  for (let nonce; ;) {
    const response = await fetch(as.token_endpoint, { method: 'POST', body: new URLSearchParams(body),
      headers: { DPoP: await DPoP.generateProof(pair, as.token_endpoint, 'POST', nonce) } })
    const said = await response.json()
    if (said.error !== 'use_dpop_nonce' || nonce) return said
    nonce = response.headers.get('DPoP-Nonce')
  }
}
const token = await post({ grant_type: 'authorization_code', client_id: PUBLIC_ID, code: returned.get('code'), redirect_uri: redirect, code_verifier: opens })
assert.equal(token.token_type, 'DPoP', JSON.stringify(token))
assert.equal((await verified(token.access_token)).payload.cnf.jkt, await DPoP.calculateThumbprint(pair.publicKey))
const renewed = await post({ grant_type: 'refresh_token', client_id: PUBLIC_ID, refresh_token: token.refresh_token })
assert.ok(renewed.refresh_token && renewed.refresh_token !== token.refresh_token)

// The same by oauth4webapi's own DPoP handle.
const handle = oauth.DPoP(bound, await oauth.generateKeyPair('ES256'))
const again = oauth.generateRandomCodeVerifier()
ask.searchParams.set('code_challenge', await oauth.calculatePKCECodeChallenge(again))
ask.searchParams.set('dpop_jkt', await handle.calculateThumbprint())
const callback = oauth.validateAuthResponse(as, bound, await browse(ask.href), state)
const redeem = () => oauth.authorizationCodeGrantRequest(as, bound, oauth.None(), callback, redirect, again, { DPoP: handle, ...insecure })
let result
try {
  result = await oauth.processAuthorizationCodeResponse(as, bound, await redeem())
} catch (err) {
  if (!oauth.isDPoPNonceError(err)) throw err
  result = await oauth.processAuthorizationCodeResponse(as, bound, await redeem())
}
assert.equal(result.token_type, 'dpop')
console.log('oauth4webapi, dpop, jose: ok')
