import { describe, expect, it } from "vitest";
import { countFilters, pick, queryString } from "./cursor";
import { formatQuery, parseQuery } from "./query";

describe("lists in the URL", () => {
  it("make the same query string from the same filters in any order, empty ones left out", () => {
    expect(queryString({ b: "2", a: "x y", c: "", d: undefined, limit: 50 })).toBe("?a=x%20y&b=2&limit=50");
    expect(queryString({ limit: 50, d: undefined, a: "x y", b: "2" })).toBe("?a=x%20y&b=2&limit=50");
    expect(queryString({})).toBe("");
  });

  it("take only what a screen knows", () => {
    expect(pick({ state: "active", evil: "x", after: "" }, ["state", "after"])).toEqual({ state: "active" });
  });

  it("count filters without the place in the list", () => {
    expect(countFilters({ state: "active", q: undefined, after: "c2", limit: "50", open: "7" })).toBe(1);
  });
});

describe("the audit query", () => {
  it("goes from text to filters and back", () => {
    const { filters, unknown } = parseQuery(
      'type:issuance.credential.Revoked actor:"Noor Haddad" from:2026-11-01T00:00:00Z',
    );
    expect(unknown).toEqual([]);
    expect(filters).toEqual({
      type: "issuance.credential.Revoked",
      actor: "Noor Haddad",
      from: "2026-11-01T00:00:00Z",
    });
    expect(parseQuery(formatQuery(filters)).filters).toEqual(filters);
  });

  it("knows the other names of a field and names what it does not understand", () => {
    expect(parseQuery("action:x org:y app:z target:t").filters).toEqual({
      type: "x",
      organization_id: "y",
      application_id: "z",
      subject: "t",
    });
    expect(parseQuery("hello colour:red type:x").unknown).toEqual(["hello", "colour:red"]);
  });
});
