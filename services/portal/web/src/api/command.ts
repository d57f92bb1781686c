import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { Problem } from "./problem";
import { interrupt, takeInterrupted } from "./resume";

export interface CommandOptions<I, O> {
  /** Names the command and what it acts on, so that it goes on after a step-up. */
  key: string;
  run(input: I, idempotencyKey: string): Promise<O>;
  onDone?(output: O, input: I): void;
  /** Heads of the query keys that show what changed. */
  refresh?: string[];
}

export interface Command<I, O> {
  run(input: I): void;
  /** Sends the same command again under the same id: it is carried out once. */
  again(): void;
  running: boolean;
  confirming: boolean;
  problem?: Problem;
  output?: O;
  reset(): void;
}

/** One command from this page: idempotent by its id, resumed after a step-up, refreshing what it changed. */
export function useCommand<I, O>(options: CommandOptions<I, O>): Command<I, O> {
  const client = useQueryClient();
  const [state, setState] = useState<{ phase: "idle" | "running" | "confirming"; problem?: Problem; output?: O }>({
    phase: "idle",
  });
  const alive = useRef(true);
  const last = useRef<{ input: I; id: string } | undefined>(undefined);

  async function execute(input: I, id: string, resumed: boolean): Promise<void> {
    last.current = { input, id };
    setState({ phase: "running" });
    try {
      const output = await options.run(input, id);
      last.current = undefined;
      if (alive.current) setState({ phase: "idle", output });
      options.onDone?.(output, input);
      for (const head of options.refresh ?? []) void client.invalidateQueries({ queryKey: [head] });
    } catch (error) {
      const problem =
        error instanceof Problem
          ? error
          : new Problem({ status: 0, code: "unexpected", title: "Something went wrong on this page." });
      if (problem.code === "step_up_required" && !resumed) {
        setState({ phase: "confirming" });
        interrupt({ key: options.key, input, idempotencyKey: id }, problem.stepUpUrl);
        return;
      }
      if (alive.current) setState({ phase: "idle", problem });
    }
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: an interrupted command goes on once, when its page is back.
  useEffect(() => {
    alive.current = true;
    const kept = takeInterrupted(options.key);
    if (kept) void execute(kept.input as I, kept.idempotencyKey, true);
    return () => {
      alive.current = false;
    };
  }, []);

  return {
    run: (input) => void execute(input, crypto.randomUUID(), false),
    again: () => {
      if (last.current) void execute(last.current.input, last.current.id, false);
    },
    running: state.phase !== "idle",
    confirming: state.phase === "confirming",
    problem: state.problem,
    output: state.output,
    reset: () => setState({ phase: "idle" }),
  };
}
