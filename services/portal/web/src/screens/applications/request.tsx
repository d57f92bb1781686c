import { Field, TextArea } from "@/ui/field";

/** Where a PKCS#10 request is pasted: it proves that the consumer holds the key, which never leaves it. */
export function CertificateRequest({
  value,
  onChange,
  error,
}: {
  value: string;
  onChange(value: string): void;
  error?: string;
}) {
  return (
    <Field
      label="Certificate request"
      hint={
        <span className="font-mono break-all">openssl req -new -newkey ed25519 -nodes -keyout key.pem -subj /</span>
      }
      error={error}
    >
      {(p) => (
        <TextArea
          {...p}
          rows={5}
          spellCheck={false}
          placeholder="-----BEGIN CERTIFICATE REQUEST-----"
          className="font-mono text-xs"
          value={value}
          onChange={(e) => onChange(e.target.value)}
        />
      )}
    </Field>
  );
}
