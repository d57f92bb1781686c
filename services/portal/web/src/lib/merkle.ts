// Inclusion in an append-only tree, checked here and not on the server (RFC 6962 §2.1).

export interface InclusionProof {
  leafHash: Uint8Array;
  leafIndex: number;
  treeSize: number;
  hashes: Uint8Array[];
}

export interface ProofStep {
  side: "left" | "right";
  sibling: Uint8Array;
  result: Uint8Array;
}

async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as BufferSource));
}

/** Hash of a leaf: SHA-256(0x00 || entry). */
export function leafHash(entry: Uint8Array): Promise<Uint8Array> {
  const prefixed = new Uint8Array(entry.length + 1);
  prefixed.set(entry, 1);
  return sha256(prefixed);
}

/** Hash of an inner node: SHA-256(0x01 || left || right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Promise<Uint8Array> {
  const prefixed = new Uint8Array(1 + left.length + right.length);
  prefixed[0] = 1;
  prefixed.set(left, 1);
  prefixed.set(right, 1 + left.length);
  return sha256(prefixed);
}

/** Root that the proof leads to, with every step on the way; throws when the proof has the wrong shape (RFC 9162 §2.1.3.2). */
export async function rootFromProof(proof: InclusionProof): Promise<{ root: Uint8Array; steps: ProofStep[] }> {
  const { leafIndex, treeSize } = proof;
  if (!Number.isSafeInteger(leafIndex) || !Number.isSafeInteger(treeSize) || leafIndex < 0 || leafIndex >= treeSize) {
    throw new Error(`leaf ${leafIndex} is not in a tree of size ${treeSize}`);
  }
  // Beyond 2^31 bitwise operators would truncate, so halving is arithmetic.
  let node = leafIndex;
  let last = treeSize - 1;
  let hash = proof.leafHash;
  const steps: ProofStep[] = [];
  for (const sibling of proof.hashes) {
    if (last === 0) throw new Error("the proof is too long");
    if (node % 2 === 1 || node === last) {
      hash = await nodeHash(sibling, hash);
      steps.push({ side: "left", sibling, result: hash });
      while (node % 2 === 0 && node !== 0) {
        node = Math.floor(node / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = await nodeHash(hash, sibling);
      steps.push({ side: "right", sibling, result: hash });
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw new Error("the proof is too short");
  return { root: hash, steps };
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
