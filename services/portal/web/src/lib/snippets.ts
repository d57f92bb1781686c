export const snippetLanguages = ["curl", "Go", "JavaScript", "Python"] as const;
export type SnippetLanguage = (typeof snippetLanguages)[number];

/** One call in a language. The key is read from the environment and the address of the gateway too. */
export function snippetFor(language: SnippetLanguage, method: string, path: string): string {
  switch (language) {
    case "curl":
      return `curl ${method === "GET" ? "" : `-X ${method} `}"$API_URL${path}" \\\n  -H "Authorization: Bearer $API_KEY"`;
    case "Go":
      return [
        `req, err := http.NewRequest("${method}", os.Getenv("API_URL")+"${path}", nil)`,
        `req.Header.Set("Authorization", "Bearer "+os.Getenv("API_KEY"))`,
        `res, err := http.DefaultClient.Do(req)`,
      ].join("\n");
    case "JavaScript":
      return [
        `const res = await fetch(process.env.API_URL + "${path}", {`,
        `  method: "${method}",`,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the code that is shown.
        "  headers: { Authorization: `Bearer ${process.env.API_KEY}` },",
        `});`,
      ].join("\n");
    case "Python":
      return [
        `res = requests.request(`,
        `    "${method}", os.environ["API_URL"] + "${path}",`,
        `    headers={"Authorization": f"Bearer {os.environ['API_KEY']}"},`,
        `)`,
      ].join("\n");
  }
}
