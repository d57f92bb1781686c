import { describe, expect, it } from "vitest";
import { toHex } from "./encoding";
import { leafHash, nodeHash, rootFromProof } from "./merkle";

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (p) => Number.parseInt(p, 16));

// The eight entries and the roots that every implementation of RFC 6962 is tested with.
const entries = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
].map(bytes);
const roots = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

// A second way to the same numbers: the recursive definition of §2.1, sharing nothing with the code under test but SHA-256.
const sha256 = async (b: Uint8Array) => new Uint8Array(await crypto.subtle.digest("SHA-256", b as BufferSource));
const split = (n: number) => 2 ** Math.ceil(Math.log2(n) - 1);
async function head(leaves: Uint8Array[]): Promise<Uint8Array> {
  if (leaves.length === 0) return sha256(new Uint8Array());
  if (leaves.length === 1) return sha256(Uint8Array.from([0, ...(leaves[0] ?? [])]));
  const k = split(leaves.length);
  return sha256(Uint8Array.from([1, ...(await head(leaves.slice(0, k))), ...(await head(leaves.slice(k)))]));
}
async function pathTo(m: number, leaves: Uint8Array[]): Promise<Uint8Array[]> {
  if (leaves.length <= 1) return [];
  const k = split(leaves.length);
  return m < k
    ? [...(await pathTo(m, leaves.slice(0, k))), await head(leaves.slice(k))]
    : [...(await pathTo(m - k, leaves.slice(k))), await head(leaves.slice(0, k))];
}

describe("inclusion proofs", () => {
  it("hash leaves and nodes as RFC 6962 says", async () => {
    expect(toHex(await leafHash(new Uint8Array()))).toBe(roots[0]);
    const [a, b] = [await leafHash(entries[0] as Uint8Array), await leafHash(entries[1] as Uint8Array)];
    expect(toHex(await nodeHash(a, b))).toBe(roots[1]);
  });

  it("lead every leaf of every tree up to 8 to the published root", async () => {
    for (let size = 1; size <= 8; size++) {
      const tree = entries.slice(0, size);
      for (let index = 0; index < size; index++) {
        const { root } = await rootFromProof({
          leafHash: await leafHash(tree[index] as Uint8Array),
          leafIndex: index,
          treeSize: size,
          hashes: await pathTo(index, tree),
        });
        expect(toHex(root)).toBe(roots[size - 1]);
      }
    }
  });

  it("hold for odd sizes, and not once anything is changed", async () => {
    const tree = Array.from({ length: 77 }, (_, i) => new TextEncoder().encode(`record ${i}`));
    const expected = toHex(await head(tree));
    for (const index of [0, 1, 31, 32, 63, 64, 75, 76]) {
      const good = {
        leafHash: await leafHash(tree[index] as Uint8Array),
        leafIndex: index,
        treeSize: 77,
        hashes: await pathTo(index, tree),
      };
      expect(toHex((await rootFromProof(good)).root)).toBe(expected);
      const flipped = good.hashes.map((h, i) => (i === 0 ? h.map((byte, j) => (j === 5 ? byte ^ 1 : byte)) : h));
      expect(toHex((await rootFromProof({ ...good, hashes: flipped })).root)).not.toBe(expected);
      expect(toHex((await rootFromProof({ ...good, leafHash: await leafHash(new Uint8Array([9])) })).root)).not.toBe(
        expected,
      );
    }
  });

  it("refuse a proof that is too short, too long, or for a leaf outside the tree", async () => {
    const hash = await leafHash(new Uint8Array());
    await expect(rootFromProof({ leafHash: hash, leafIndex: 0, treeSize: 2, hashes: [] })).rejects.toThrow("too short");
    await expect(rootFromProof({ leafHash: hash, leafIndex: 0, treeSize: 1, hashes: [hash] })).rejects.toThrow(
      "too long",
    );
    await expect(rootFromProof({ leafHash: hash, leafIndex: 5, treeSize: 5, hashes: [] })).rejects.toThrow(
      "not in a tree",
    );
  });
});
