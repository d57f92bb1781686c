import type { Proof } from "@/api/types";
import { type Checkpoint, keyName, parseCheckpoint, parseVerifier, signedBy } from "./checkpoint";
import { fromBase64, hashFromText } from "./encoding";
import { equalBytes, leafHash, type ProofStep, rootFromProof } from "./merkle";

export interface Verification {
  included: boolean;
  leaf: Uint8Array;
  leafIndex: number;
  steps: ProofStep[];
  computed: Uint8Array;
  checkpoint: Checkpoint;
  /** Whether the key that the log names signed the checkpoint. */
  signature: boolean;
  keys: string[];
}

/** Hashes the record's own bytes up to the root and compares it with the signed one. Throws when a part is malformed. */
export async function verifyRecord(raw: string, proof: Proof): Promise<Verification> {
  const checkpoint = parseCheckpoint(proof.checkpoint);
  const leaf = await leafHash(fromBase64(raw));
  if (!equalBytes(leaf, hashFromText(proof.leaf_hash))) {
    throw new Error("the record’s bytes are not those of the leaf");
  }
  const { root, steps } = await rootFromProof({
    leafHash: leaf,
    leafIndex: proof.leaf_index,
    treeSize: checkpoint.size,
    hashes: proof.hashes.map(hashFromText),
  });
  const signature = await signedBy(checkpoint, parseVerifier(proof.verifier_key));
  return {
    included: equalBytes(root, checkpoint.root),
    leaf,
    leafIndex: proof.leaf_index,
    steps,
    computed: root,
    checkpoint,
    signature,
    keys: checkpoint.signatures.map(keyName),
  };
}
