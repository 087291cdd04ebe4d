// An OpenID Connect issuer for tests: the npm package oidc-provider over HTTPS on a free port of the loopback. It stands
// in for Pro Santé Connect, of which it has the claims and nothing else.
//
//   issuer.mjs CERTIFICATE KEY HOLDERS
//
// HOLDERS is JSON: { "client": "national identifier", … }. Each client stands for a program in which this professional
// has signed in: it gets his tokens by `client_credentials`. What a token is to be like is said by `resource`:
//
//   https://mail.test/         what Pli takes
//   https://mail.test/FAULT    the same but for FAULT, a key of `faults` below
//   https://mail.test/opaque   what Pli takes, but no JWT: what it says is for the mail server to ask
//   https://elsewhere.test/    meant for another server
//
// The mail server asks about tokens as the client `the-mail-server` (RFC 7662). Of a JWT this issuer answers nothing.
//
// POST /rotate changes the signing key; what was signed with the old one is then signed by nobody.
// POST /forge?FORGERY, with a good token as the body, answers what an attacker makes of it: a key of `forgeries` below.
// Says `issuer ready PORT` once it listens, and ends with its standard input.

import { createHmac, createPublicKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import Provider from 'oidc-provider';

const [certificate, key, holders] = process.argv.slice(2);
const national = JSON.parse(holders);
const MAIL = 'https://mail.test/';

// What is wrong with a token that is signed all the same.
const faults = {
  expired: (claims) => { claims.exp -= 7200; claims.iat -= 7200; },
  'not-yet-valid': (claims) => { claims.nbf = claims.iat + 7200; },
  'other-issuer': (claims) => { claims.iss = 'https://someone-else.test'; },
  'other-program': (claims) => { claims.azp = 'a-program-that-nobody-knows'; },
  'weakly-proven': (claims) => { claims.acr = 'eidas0'; },
  'of-nobody': (claims) => { delete claims.SubjectNameID; },
  'id-token': (claims, parts) => { parts.header = { ...parts.header, typ: 'JWT' }; claims.typ = 'ID'; },
};

const encoded = (value) => Buffer.from(value).toString('base64url');
const decoded = (part) => JSON.parse(Buffer.from(part, 'base64url'));

// What can be made of a token without the issuer's private key.
const forgeries = {
  'no-algorithm': ([header, claims]) => {
    const unsigned = { ...decoded(header), alg: 'none' };
    return `${encoded(JSON.stringify(unsigned))}.${claims}.`;
  },
  'public-key-as-secret': ([header, claims], publicKey) => {
    const shared = { ...decoded(header), alg: 'HS256' };
    const signed = `${encoded(JSON.stringify(shared))}.${claims}`;
    return `${signed}.${createHmac('sha256', publicKey).update(signed).digest('base64url')}`;
  },
  'other-signature': ([header, claims, signature]) => {
    const bytes = Buffer.from(signature, 'base64url');
    bytes[100] ^= 1;
    return `${header}.${claims}.${encoded(bytes)}`;
  },
  'other-holder': ([header, claims, signature]) => {
    const another = { ...decoded(claims), SubjectNameID: '810003456781' };
    return `${header}.${encoded(JSON.stringify(another))}.${signature}`;
  },
};

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: randomUUID() };
}

function clients() {
  const common = {
    client_secret: 'kept by the program',
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
  };
  const programs = Object.keys(national).flatMap((client_id) => [
    { ...common, client_id },
    { ...common, client_id: `${client_id}-bound`, tls_client_certificate_bound_access_tokens: true },
  ]);
  // Its password has what must be encoded on the way (RFC 6749 §2.3.1).
  const server = { ...common, client_id: 'the-mail-server', client_secret: 'asks:about+tokens%2F', grant_types: [] };
  return [...programs, server];
}

function resourceServer(resource) {
  return {
    scope: 'mail',
    audience: resource.startsWith(MAIL) ? MAIL : resource,
    accessTokenTTL: 240,
    accessTokenFormat: resource.endsWith('/opaque') ? 'opaque' : 'jwt',
  };
}

function provider(issuer, key) {
  const asked = new WeakMap();
  return new Provider(issuer, {
    clients: clients(),
    jwks: { keys: [key] },
    scopes: ['mail'],
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      revocation: { enabled: true },
      mTLS: {
        enabled: true,
        certificateBoundAccessTokens: true,
        getCertificate: (context) => context.socket.getPeerX509Certificate(),
      },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (context, resource) => {
          asked.set(context, resource);
          return resourceServer(resource);
        },
      },
    },
    extraTokenClaims: (context, token) => ({
      SubjectNameID: national[token.clientId.replace(/-bound$/, '')],
      azp: 'a-program-of-a-practice',
      acr: 'eidas1',
    }),
    formats: {
      customizers: {
        jwt: (context, token, parts) => {
          const fault = (asked.get(context) ?? MAIL).slice(MAIL.length);
          faults[fault]?.(parts.payload, parts);
          return parts;
        },
      },
    },
  });
}

const server = createServer({
  cert: readFileSync(certificate),
  key: readFileSync(key),
  requestCert: true,
  rejectUnauthorized: false,
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address();
  const issuer = `https://localhost:${port}`;
  let signing;
  let answer;
  const rotate = () => {
    signing = signingKey();
    answer = provider(issuer, signing).callback();
  };
  rotate();
  server.on('request', async (request, response) => {
    const [path, query] = request.url.split('?');
    if (path === '/rotate') {
      rotate();
      response.end('rotated');
    } else if (path === '/forge') {
      const publicKey = createPublicKey({ key: signing, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
      const token = Buffer.concat(await request.toArray()).toString();
      response.end(forgeries[query](token.split('.'), publicKey));
    } else {
      answer(request, response);
    }
  });
  console.log(`issuer ready ${port}`);
});
// Who started it reads one line; what the package tells after that ends with nobody, and must not end this.
process.stdout.on('error', () => {});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
