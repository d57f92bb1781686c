import clsx from "clsx";
import { useState } from "react";
import type { ProductDetail } from "@/api/types";
import { type SnippetLanguage, snippetFor, snippetLanguages } from "@/lib/snippets";
import { Code } from "@/ui/code";
import { Copy } from "@/ui/copy";

/** One call of the product's first operation in four languages; the secret is always a variable. */
export function Snippets({ of }: { of: ProductDetail }) {
  const [language, setLanguage] = useState<SnippetLanguage>("curl");
  const operation = of.operations.find((o) => o.method === "GET") ?? of.operations[0];
  const code = snippetFor(language, operation?.method ?? "GET", `${of.base_path ?? ""}${operation?.path ?? "/"}`);
  return (
    <div className="panel overflow-hidden">
      <fieldset aria-label="Language" className="flex items-center gap-1 border-b px-2 py-1.5">
        {snippetLanguages.map((each) => (
          <button
            key={each}
            type="button"
            aria-pressed={each === language}
            onClick={() => setLanguage(each)}
            className={clsx(
              "h-6 rounded px-2 text-xs",
              each === language ? "bg-sunken font-medium text-ink" : "text-faint hover:text-ink",
            )}
          >
            {each}
          </button>
        ))}
        <Copy text={code} what={`${language} example`} className="ml-auto" />
      </fieldset>
      <Code text={code} label={`${language} example`} className="px-4 py-3" />
    </div>
  );
}
