// openid-client, which does more by itself: discovery, PKCE, pushed requests, refreshing, devices, DPoP with nonces.
import * as client from 'openid-client'
import * as jose from 'jose'
import { strict as assert } from 'node:assert'

const { ISSUER, BROWSER, AUDIENCE, SECRET_ID, SECRET, PUBLIC_ID, KEY_ID, KEY, INITIAL } = process.env
const redirect_uri = 'http://127.0.0.1:45123/cb'
const browse = async (url) => new URL(await (await fetch(`${BROWSER}/allow?url=${encodeURIComponent(url)}`)).text())
const options = { algorithm: 'oauth2', execute: [client.allowInsecureRequests] }

const config = await client.discovery(new URL(ISSUER), SECRET_ID, SECRET, undefined, options)
const own = await client.clientCredentialsGrant(config, { scope: 'accounts:read', resource: AUDIENCE })
assert.equal(own.scope, 'accounts:read')
assert.equal((await client.tokenIntrospection(config, own.access_token)).active, true)
await client.tokenRevocation(config, own.access_token)
assert.equal((await client.tokenIntrospection(config, own.access_token)).active, false)

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const code_challenge = await client.calculatePKCECodeChallenge(pkceCodeVerifier)
const parameters = { redirect_uri, scope: 'accounts:read entries:read', state: expectedState, code_challenge, code_challenge_method: 'S256' }
for (const to of [client.buildAuthorizationUrl(config, parameters), await client.buildAuthorizationUrlWithPAR(config, parameters)]) {
  const tokens = await client.authorizationCodeGrant(config, await browse(to.href), { pkceCodeVerifier, expectedState })
  const next = await client.refreshTokenGrant(config, tokens.refresh_token, { scope: 'accounts:read' })
  assert.equal(next.scope, 'accounts:read')
  await assert.rejects(client.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' })
  assert.equal((await client.tokenIntrospection(config, next.access_token)).active, false)
}

const device = await client.initiateDeviceAuthorization(config, { scope: 'accounts:read' })
const polled = client.pollDeviceAuthorizationGrant(config, device)
await fetch(`${BROWSER}/device?code=${encodeURIComponent(device.user_code)}`)
assert.equal((await polled).scope, 'accounts:read')

const open = await client.discovery(new URL(ISSUER), PUBLIC_ID, undefined, client.None(), options)
const DPoP = client.getDPoPHandle(open, await client.randomDPoPKeyPair('ES256'))
const bound = client.buildAuthorizationUrl(open, { ...parameters, scope: 'accounts:read', dpop_jkt: await DPoP.calculateThumbprint() })
const tokens = await client.authorizationCodeGrant(open, await browse(bound.href), { pkceCodeVerifier, expectedState }, undefined, { DPoP })
assert.equal(tokens.token_type, 'dpop')
const refreshed = await client.refreshTokenGrant(open, tokens.refresh_token, undefined, { DPoP })
assert.equal(refreshed.token_type, 'dpop')

const jwk = await jose.importJWK(JSON.parse(KEY), 'ES256')
const keyed = await client.discovery(new URL(ISSUER), KEY_ID, undefined, client.PrivateKeyJwt(jwk), options)
assert.ok((await client.clientCredentialsGrant(keyed)).access_token)
// A client that registers itself by leave of the application's owner (RFC 7591).
const registered = await client.dynamicClientRegistration(new URL(ISSUER), { redirect_uris: [redirect_uri], scope: 'accounts:read',
  grant_types: ['authorization_code', 'refresh_token'] }, undefined, { ...options, initialAccessToken: INITIAL })
const itself = client.buildAuthorizationUrl(registered, { ...parameters, scope: 'accounts:read' })
assert.ok((await client.authorizationCodeGrant(registered, await browse(itself.href), { pkceCodeVerifier, expectedState })).refresh_token)
console.log('openid-client: ok')
