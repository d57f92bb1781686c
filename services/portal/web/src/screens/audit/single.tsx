import { useQuery } from "@tanstack/react-query";
import { X } from "lucide-react";
import { record } from "@/api/queries";
import { IconButton } from "@/ui/button";
import { Sentence } from "@/ui/sentence";
import { ErrorPage } from "@/ui/states";
import { Detail } from "./detail";

/** A record that a link names and the list in sight does not hold. */
export function SingleRecord({ position, utc, close }: { position: number; utc: boolean; close(): void }) {
  const { data, error } = useQuery({ ...record(position), retry: false });
  if (!data && !error) return null;
  return (
    <section aria-label={`Record ${position}`} className="panel mb-4">
      <div className="flex items-start justify-between gap-4 px-4 py-3 sm:pl-12">
        <h2 className="font-medium">{data ? <Sentence text={data.sentence} /> : `Record ${position}`}</h2>
        <IconButton label="Close the record" onClick={close}>
          <X className="size-4" aria-hidden="true" />
        </IconButton>
      </div>
      {data ? (
        <Detail of={data} utc={utc} filter={() => close()} />
      ) : (
        <div className="px-4 pb-4">
          <ErrorPage error={error} noun="record" id={String(position)} />
        </div>
      )}
    </section>
  );
}
