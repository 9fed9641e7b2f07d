// How a call is written elsewhere: as a curl command, and what a signed token says.

/** Single quotes keep a shell from reading anything in it. */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

export function asCurl(url, body, headers) {
  const given = { "Content-Type": "application/json", ...headers };
  const options = Object.entries(given).map(([name, value]) => `  -H ${quoted(`${name}: ${value}`)} \\`);
  return [`curl ${quoted(url)} \\`, ...options, `  --data-binary ${quoted(JSON.stringify(body))}`].join("\n");
}

/** Header and claims of a JWT; the signature is for the service. */
export function decoded(authorization) {
  if (!authorization) return null;
  const [header, claims] = authorization.replace("Bearer ", "").split(".").slice(0, 2).map(unpacked);
  return { header, claims };
}

function unpacked(part) {
  const binary = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(binary, (letter) => letter.charCodeAt(0))));
}
