import type { AccessRequestDetail } from "@/api/types";
import { sentenceCase } from "@/lib/format";
import { seatName } from "@/lib/seats";
import { Avatar, Named } from "@/ui/named";
import { Time } from "@/ui/time";

export function History({ of }: { of: AccessRequestDetail }) {
  return (
    <ol className="relative space-y-4 before:absolute before:top-2 before:bottom-2 before:left-[10px] before:w-px before:bg-line">
      {of.timeline.map((moment) => (
        <li key={`${moment.type}${moment.at}${moment.actor_id}`} className="relative flex gap-3 text-sm">
          <span className="relative z-10 rounded-full bg-canvas">
            {moment.actor_id && moment.actor_kind !== "service" ? (
              <Avatar id={moment.actor_id} size={21} />
            ) : (
              <span className="block size-[21px] rounded-full border-[6px] border-sunken bg-faint" aria-hidden="true" />
            )}
          </span>
          <div className="min-w-0">
            <p>
              <span className="font-medium">
                {moment.seat
                  ? `${moment.verdict === "deny" ? "Denied" : "Approved"} as ${seatName(moment.seat).toLowerCase()}`
                  : sentenceCase(moment.type)}
              </span>{" "}
              <span className="text-soft">
                {moment.actor_id && moment.actor_kind !== "service" ? <Named id={moment.actor_id} /> : "by policy"}
              </span>
            </p>
            {moment.text && moment.type !== "submitted" && <p className="text-soft">{moment.text}</p>}
            <p className="text-xs text-faint">
              <Time at={moment.at} />
            </p>
          </div>
        </li>
      ))}
    </ol>
  );
}
