package api

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/chancery-dev/chancery/libs/eventlog"
	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/audit/internal/ocsf"
	"github.com/chancery-dev/chancery/services/audit/internal/record"
	"github.com/chancery-dev/chancery/services/audit/internal/tree"
	"github.com/chancery-dev/chancery/services/audit/internal/view"
	"github.com/chancery-dev/chancery/services/audit/verify"
)

func (a *api) checkpoint(w http.ResponseWriter, r *http.Request) {
	text, _, err := a.Signer.Newest(r.Context())
	if err == nil && text == "" {
		text, _, err = a.Signer.Sign(r.Context())
	}
	if err != nil {
		problem.Write(w, err, problem.RequestID(r.Context()))
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, text)
}

// tileHeight is that of C2SP tlog-tiles: 256 hashes a tile.
const tileHeight = 8

func (a *api) tile(w http.ResponseWriter, r *http.Request) {
	refuse := func(err error) { problem.Write(w, err, problem.RequestID(r.Context())) }
	// tlog names the height in the path, tlog-tiles leaves it out.
	t, err := tlog.ParseTilePath("tile/8/" + r.PathValue("path"))
	if err != nil || t.L < 0 {
		refuse(problem.NotFoundError())
		return
	}
	size, err := tree.Size(r.Context(), a.Rows.DB)
	if err != nil {
		refuse(err)
		return
	}
	if (t.N<<tileHeight+int64(t.W))<<(uint(t.L)*tileHeight) > size {
		refuse(problem.NotFoundError())
		return
	}
	data, err := tlog.ReadTileData(t, tree.Hashes(r.Context(), a.Rows.DB))
	if err != nil {
		refuse(err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(data)
}

// export streams what verify.Export checks: every record under the newest checkpoint, and all checkpoints.
func (a *api) export(w http.ResponseWriter, r *http.Request) {
	_, size, err := a.Signer.Sign(r.Context())
	if err != nil {
		problem.Write(w, err, problem.RequestID(r.Context()))
		return
	}
	write := a.write
	if r.URL.Query().Get("format") == "ocsf" {
		write = a.events
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Content-Disposition", `attachment; filename="chancery-records.ndjson"`)
	_ = http.NewResponseController(w).Flush()
	if err := write(r.Context(), w, size); err != nil {
		// What was begun cannot be answered otherwise: the missing checkpoints make the file worthless.
		return
	}
}

func (a *api) write(ctx context.Context, to io.Writer, size int64) error {
	w, err := verify.NewWriter(to, a.Signer.Origin, a.Signer.Public(), a.Signer.Key())
	if err != nil {
		return err
	}
	next := int64(0)
	err = a.Stream.Follow(ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, r := range batch {
			if next == size {
				return eventlog.ErrStop
			}
			if err := w.Add(r.Raw); err != nil {
				return err
			}
			next++
		}
		if next == size {
			return eventlog.ErrStop
		}
		return nil
	})
	if err != nil {
		return err
	}
	all, err := a.Signer.All(ctx, size)
	if err != nil {
		return err
	}
	return w.Close(all)
}

// events streams the same records as OCSF events, one a line.
func (a *api) events(ctx context.Context, to io.Writer, size int64) error {
	w := bufio.NewWriterSize(to, 64<<10)
	line := json.NewEncoder(w)
	err := a.Stream.Follow(ctx, 0, func(_ context.Context, batch []eventlog.Recorded) error {
		for _, r := range batch {
			if r.Sequence > uint64(size) {
				return eventlog.ErrStop
			}
			whole, _, err := record.Recorded(r.Sequence, r.Raw)
			if err != nil {
				return err
			}
			if err := line.Encode(ocsf.Event(whole, view.RowOf(r).Type)); err != nil {
				return err
			}
		}
		if batch[len(batch)-1].Sequence >= uint64(size) {
			return eventlog.ErrStop
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.Flush()
}
