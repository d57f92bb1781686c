import { RotateCw } from "lucide-react";
import { useState } from "react";
import { useCommand } from "@/api/command";
import { post } from "@/api/http";
import { interrupted } from "@/api/resume";
import type { Allowance, Application, Credential, Issued } from "@/api/types";
import { hintOf } from "@/lib/credentials";
import { Button, GuardedButton } from "@/ui/button";
import { Dialog, DialogActions } from "@/ui/dialog";
import { Choices } from "@/ui/field";
import { useGuard } from "@/ui/show-once";
import { ProblemNote } from "@/ui/states";
import { Overlap } from "./overlap";
import { CertificateRequest } from "./request";
import { IssuedSecret, Unanswered } from "./secret";

interface Input {
  overlap_seconds: number;
  certificate_request?: string;
}

const overlaps = [
  { value: "0", title: "None", text: "The old value ends at once. For an emergency." },
  { value: "3600", title: "1 hour", text: "When you can deploy right now." },
  { value: "86400", title: "24 hours", text: "For a usual deployment." },
  { value: "604800", title: "7 days", text: "When others deploy for you." },
];

export function RotateButton({
  of,
  application,
  allowance,
}: {
  of: Credential;
  application: Application;
  allowance: Allowance;
}) {
  const key = `credential.rotate:${of.id}`;
  const [open, setOpen] = useState(() => interrupted(key) !== undefined);
  const elsewhere = of.kind === "client_key" || of.kind === "nats_user";
  const may = elsewhere
    ? { allowed: false, reason: "Its consumer proves a new key itself: chancery credential rotate." }
    : allowance;
  return (
    <>
      <GuardedButton size="sm" allowance={may} onClick={() => setOpen(true)}>
        <RotateCw className="size-3.5" aria-hidden="true" /> Rotate
      </GuardedButton>
      {open && <RotateDialog commandKey={key} of={of} application={application} close={() => setOpen(false)} />}
    </>
  );
}

function RotateDialog({
  commandKey,
  of,
  application,
  close,
}: {
  commandKey: string;
  of: Credential;
  application: Application;
  close(): void;
}) {
  const [overlap, setOverlap] = useState(
    String((interrupted(commandKey)?.input as Input | undefined)?.overlap_seconds ?? 86400),
  );
  const command = useCommand<Input, Issued>({
    key: commandKey,
    run: (input, id) => post<Issued>(`/api/issuance/v1/credentials/${of.id}/rotate`, input, id),
    refresh: ["credentials", "records"],
  });
  const certified = of.kind === "client_certificate";
  const [request, setRequest] = useState(
    (interrupted(commandKey)?.input as Input | undefined)?.certificate_request ?? "",
  );
  const [checked, setChecked] = useState(false);
  function rotate(): void {
    setChecked(true);
    if (certified && !request.trim()) return;
    command.run({ overlap_seconds: Number(overlap), ...(certified && { certificate_request: request }) });
  }
  const guard = useGuard(command.running || command.output !== undefined);

  if (command.output) {
    return (
      <IssuedSecret
        issued={{ ...command.output, id: of.id }}
        name={of.name}
        kind={of.kind}
        environment={application.environment}
        verb="rotated"
        guard={guard}
        close={close}
      />
    );
  }
  if (command.problem?.unknownOutcome) {
    return <Unanswered verb="rotated" guard={guard} close={close} again={command.again} busy={command.running} />;
  }
  const none = overlap === "0";
  return (
    <Dialog
      open
      guarded={command.running}
      onOpenChange={(next) => !next && close()}
      title={`Rotate ${of.name}`}
      description="A new value begins to work now and is shown once. The old one goes on for the overlap."
    >
      <div className="space-y-5">
        {command.problem && <ProblemNote problem={command.problem} focus />}
        {certified && (
          <CertificateRequest
            value={request}
            onChange={setRequest}
            error={
              command.problem?.field("certificate_request") ??
              (checked && !request.trim() ? "Paste the request that your new key signed." : undefined)
            }
          />
        )}
        <Choices legend="Overlap" name="overlap" value={overlap} onChange={setOverlap} options={overlaps} />
        <div className="rounded-lg bg-sunken p-4">
          <Overlap
            oldHint={hintOf(of)}
            newHint="shown next"
            from={none ? "1" : undefined}
            until={none ? "0" : undefined}
          />
          <p className="mt-3 text-xs text-soft">
            {none ? "Whatever still uses it is refused from now on." : "It retires early once it is proven unused."}
          </p>
        </div>
      </div>
      <DialogActions>
        <Button tone="quiet" onClick={close} disabled={command.running}>
          Not now
        </Button>
        <Button tone={none ? "danger" : "primary"} busy={command.running} onClick={rotate}>
          {command.confirming
            ? "Confirming it is you"
            : none
              ? "Rotate and end the old value"
              : certified
                ? "Rotate"
                : "Rotate and show once"}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
