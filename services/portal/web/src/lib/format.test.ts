import { describe, expect, it } from "vitest";
import { abbreviate, csv, csvCell, duration, plural, relativeTime, sentenceCase, spent } from "./format";

const now = new Date("2026-11-21T18:00:00Z");
const at = (seconds: number) => new Date(now.getTime() + seconds * 1000);

describe("time", () => {
  it("is told relatively, and as a date when it is far", () => {
    expect(relativeTime(at(-10), now)).toBe("just now");
    expect(relativeTime(at(10), now)).toBe("in a moment");
    expect(relativeTime(at(-180), now)).toBe("3 minutes ago");
    expect(relativeTime(at(7200), now)).toBe("in 2 hours");
    expect(relativeTime(at(86400), now)).toBe("tomorrow");
    expect(relativeTime(at(-40 * 86400), now)).toMatch(/12 Oct 2026/);
  });

  it("says how much of a lifetime is spent, within bounds", () => {
    expect(spent(at(-50), at(50), now)).toBe(0.5);
    expect(spent(at(10), at(50), now)).toBe(0);
    expect(spent(at(-50), at(-10), now)).toBe(1);
    expect(spent(now, now, now)).toBe(1);
  });

  it("names durations in their own unit", () => {
    expect(duration(86400 * 90)).toBe("90 days");
    expect(duration(86400)).toBe("1 day");
    expect(duration(3600)).toBe("1 hour");
    expect(duration(90)).toBe("90 seconds");
  });
});

describe("words", () => {
  it("are counted and cased", () => {
    expect(plural(1, "credential")).toBe("1 credential");
    expect(plural(1204, "credential")).toBe("1,204 credentials");
    expect(sentenceCase("in_review")).toBe("In review");
    expect(sentenceCase("api_owner")).toBe("API owner");
    expect(abbreviate("9f2c41aa55bb77")).toBe("9f2c41aa…");
  });
});

describe("CSV", () => {
  it("defuses what a spreadsheet would run and quotes what would break a row", () => {
    expect(["=1+1", "+1", "-1", "@x"].map(csvCell)).toEqual(["'=1+1", "'+1", "'-1", "'@x"]);
    expect(csvCell('a "b", c')).toBe('"a ""b"", c"');
    expect(csv(["a", "b"], [[1, undefined]])).toBe("a,b\r\n1,");
  });
});
