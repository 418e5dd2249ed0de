// Verify a token that latchkey made, and make one for it.
import { readFileSync } from "node:fs";
import { calculateJwkThumbprint, createLocalJWKSet, importJWK, jwtVerify,
  SignJWT } from "jose";

const ask = JSON.parse(readFileSync(0, "utf8"));
const { payload } = await jwtVerify(ask.access, createLocalJWKSet(ask.jwks), {
  issuer: ask.issuer, audience: ask.audience, typ: "at+jwt",
  algorithms: ["EdDSA"] });
const made = await new SignJWT({ ...payload, jti: "node" })
  .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid: ask.kid })
  .sign(await importJWK(ask.key, "EdDSA"));
const thumbprint = await calculateJwkThumbprint(ask.jwks.keys[0]);
process.stdout.write(JSON.stringify({ claims: payload, made, thumbprint }));
