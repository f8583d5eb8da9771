// Reads {secrets, pushes: [{body, headers}]} and tells for each push, secret and library
// whether it is verified.
import { readFileSync } from "node:fs";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";

const { secrets, pushes } = JSON.parse(readFileSync(0, "utf8"));

function verified(Verifier, secret, { body, headers }) {
  try {
    new Verifier(secret).verify(Buffer.from(body, "base64").toString(), headers);
    return true;
  } catch {
    return false;
  }
}

console.log(
  JSON.stringify(
    pushes.map((push) =>
      secrets.map((secret) => [
        verified(StandardWebhook, secret, push),
        verified(SvixWebhook, secret, push),
      ]),
    ),
  ),
);
