import { describe, expect, it } from "vitest";
import { parseCheckpoint, parseVerifier, signedBy } from "./checkpoint";
import { toBase64, toHex } from "./encoding";

async function signer(name: string) {
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const id = Uint8Array.from([...new TextEncoder().encode(`${name}\n`), 1, ...raw]);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", id)).slice(0, 4);
  const key = `${name}+${toHex(hash)}+${toBase64(Uint8Array.from([1, ...raw]))}`;
  const sign = async (text: string) => {
    const signature = new Uint8Array(
      await crypto.subtle.sign("Ed25519", pair.privateKey, new TextEncoder().encode(text)),
    );
    return `${text}\n\u2014 ${name} ${toBase64(Uint8Array.from([...hash, ...signature]))}\n`;
  };
  return { key, sign };
}

const root = toBase64(new Uint8Array(32).fill(7));
const text = `audit.example\n43\n${root}\n`;

describe("checkpoints", () => {
  it("are read and their signature is checked", async () => {
    const { key, sign } = await signer("audit.example");
    const checkpoint = parseCheckpoint(await sign(text));
    expect(checkpoint).toMatchObject({ origin: "audit.example", size: 43, extensions: [] });
    expect(toBase64(checkpoint.root)).toBe(root);
    expect(await signedBy(checkpoint, parseVerifier(key))).toBe(true);
  });

  it("are not good by another key, nor with another size", async () => {
    const { key, sign } = await signer("audit.example");
    const other = await signer("audit.example");
    expect(await signedBy(parseCheckpoint(await sign(text)), parseVerifier(other.key))).toBe(false);
    const changed = (await sign(text)).replace("\n43\n", "\n44\n");
    expect(await signedBy(parseCheckpoint(changed), parseVerifier(key))).toBe(false);
  });

  it("are refused when malformed", () => {
    expect(() => parseCheckpoint("audit.example\n43\n")).toThrow("no signature");
    expect(() => parseCheckpoint(`audit.example\n043\n${root}\n\n\u2014 a AAAAAAAA\n`)).toThrow("malformed");
    expect(() => parseCheckpoint(`${text}\n- a AAAAAAAA\n`)).toThrow("malformed");
    expect(() => parseVerifier("audit.example")).toThrow("malformed");
  });
});
