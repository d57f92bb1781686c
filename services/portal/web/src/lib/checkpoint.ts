import { fromBase64, toHex } from "./encoding";
import { equalBytes } from "./merkle";

// A signed tree head: a C2SP tlog-checkpoint inside a C2SP signed-note.

export interface NoteSignature {
  name: string;
  keyHash: Uint8Array;
  signature: Uint8Array;
}

export interface Checkpoint {
  origin: string;
  size: number;
  root: Uint8Array;
  extensions: string[];
  /** The bytes that were signed. */
  text: string;
  signatures: NoteSignature[];
}

export function parseCheckpoint(note: string): Checkpoint {
  const split = note.lastIndexOf("\n\n");
  if (split < 0) throw new Error("the checkpoint carries no signature");
  const text = note.slice(0, split + 1);
  const [origin = "", size = "", root = "", ...extensions] = text.trimEnd().split("\n");
  if (!origin || !/^(0|[1-9][0-9]*)$/.test(size)) throw new Error("the checkpoint is malformed");
  const signatures = note
    .slice(split + 2)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const match = /^\u2014 (\S+) (\S+)$/.exec(line);
      if (!match?.[1] || !match[2]) throw new Error("a signature line of the checkpoint is malformed");
      const bytes = fromBase64(match[2]);
      if (bytes.length < 5) throw new Error("a signature of the checkpoint is too short");
      return { name: match[1], keyHash: bytes.slice(0, 4), signature: bytes.slice(4) };
    });
  return { origin, size: Number(size), root: fromBase64(root), extensions, text, signatures };
}

export interface Verifier {
  name: string;
  keyHash: Uint8Array;
  key: Uint8Array;
}

/** A verifier key as C2SP signed-note writes it: "name+hash+base64(algorithm, key)". Ed25519 only. */
export function parseVerifier(text: string): Verifier {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(text.trim());
  if (!match?.[1] || !match[2] || !match[3]) throw new Error("the verifier key is malformed");
  const bytes = fromBase64(match[3]);
  if (bytes[0] !== 1 || bytes.length !== 33) throw new Error("the verifier key is not an Ed25519 key");
  const keyHash = Uint8Array.from(match[2].match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
  return { name: match[1], keyHash, key: bytes.slice(1) };
}

/** Whether one of the checkpoint's signatures is by this key and good. */
export async function signedBy(checkpoint: Checkpoint, verifier: Verifier): Promise<boolean> {
  const key = await crypto.subtle.importKey("raw", verifier.key as BufferSource, "Ed25519", false, ["verify"]);
  const text = new TextEncoder().encode(checkpoint.text);
  for (const s of checkpoint.signatures) {
    if (s.name !== verifier.name || !equalBytes(s.keyHash, verifier.keyHash)) continue;
    if (await crypto.subtle.verify("Ed25519", key, s.signature as BufferSource, text)) return true;
  }
  return false;
}

export function keyName(s: NoteSignature): string {
  return `${s.name}+${toHex(s.keyHash)}`;
}
