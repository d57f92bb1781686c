import { useQuery } from "@tanstack/react-query";
import { grant } from "@/api/queries";
import type { Grant } from "@/api/types";
import { allowance } from "@/lib/allowed";
import { ActionMenu } from "@/ui/action-menu";

export function GrantMenu({ of }: { of: Grant }) {
  const { data } = useQuery(grant(of.id));
  return (
    <ActionMenu
      label="Actions on the grant"
      actions={[
        {
          key: `grant.revoke:${of.id}`,
          text: "Revoke the grant…",
          path: `/api/approval/v1/grants/${of.id}/revoke`,
          title: "Revoke the grant",
          description:
            "Every credential issued under it ends with it, at every gateway. Access must be requested anew.",
          button: "Revoke the grant",
          done: "The grant is revoked",
          danger: true,
          refresh: ["grants", "credentials", "records"],
          allowance: allowance((data ?? of).allowed, "revoke"),
        },
      ]}
    />
  );
}
