import { describe, expect, it } from "vitest";
import { allowance } from "./allowed";
import { reviewSeats } from "./seats";

describe("what the server allows", () => {
  it("is the only thing allowed", () => {
    expect(allowance(undefined, "revoke").allowed).toBe(false);
    expect(allowance({}, "revoke").reason).toBeTruthy();
    expect(allowance({ revoke: { allowed: true } }, "revoke")).toEqual({ allowed: true });
  });

  it("is read per seat, each reason once", () => {
    const allowed = {
      "review:product_reviewer": { allowed: true },
      "review:security_reviewer": { allowed: false, reason: "This seat is for security reviewers." },
      "review:organization_admin": { allowed: false, reason: "This seat is for security reviewers." },
    };
    expect(reviewSeats(allowed, ["product_reviewer", "security_reviewer", "organization_admin"])).toEqual({
      open: ["product_reviewer"],
      reasons: ["This seat is for security reviewers."],
    });
  });
});
