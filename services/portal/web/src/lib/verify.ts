import type { Proof } from "@/api/types";
import { type Checkpoint, keyName, parseCheckpoint, parseVerifier, signedBy } from "./checkpoint";
import { hashFromText, toHex } from "./encoding";
import { equalBytes, type ProofStep, rootFromProof } from "./merkle";

export interface Verification {
  included: boolean;
  leaf: Uint8Array;
  leafIndex: number;
  steps: ProofStep[];
  computed: Uint8Array;
  checkpoint: Checkpoint;
  /** Undefined when no key was at hand to check it by. */
  signature?: boolean;
  keys: string[];
}

/** Recomputes the root from the record's leaf and compares it with the signed one. Throws when a part is malformed. */
export async function verifyRecord(leafHash: string, proof: Proof): Promise<Verification> {
  const checkpoint = parseCheckpoint(proof.checkpoint);
  const leaf = hashFromText(leafHash);
  if (proof.leaf_hash && toHex(hashFromText(proof.leaf_hash)) !== toHex(leaf)) {
    throw new Error("the proof is for another record than the one shown");
  }
  const { root, steps } = await rootFromProof({
    leafHash: leaf,
    leafIndex: proof.leaf_index,
    treeSize: checkpoint.size,
    hashes: proof.hashes.map(hashFromText),
  });
  let signature: boolean | undefined;
  if (proof.verifier_key) signature = await signedBy(checkpoint, parseVerifier(proof.verifier_key));
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
