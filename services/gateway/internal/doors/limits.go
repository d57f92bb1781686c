package doors

import (
	"net/http"
	"strconv"
	"time"

	"github.com/chancery-dev/chancery/libs/problem"
	"github.com/chancery-dev/chancery/services/gateway/internal/verdict"
)

// limits tells consumers what is left to them (draft-ietf-httpapi-ratelimit-headers §3 and §4). Names of limits are keys and
// hold nothing to be quoted.
func limits(h http.Header, v *verdict.Verdict) {
	if len(v.Left) == 0 {
		return
	}
	var policy, left []byte
	for i := range v.Left {
		l := &v.Left[i]
		if i > 0 {
			policy, left = append(policy, ", "...), append(left, ", "...)
		}
		policy = append(append(append(policy, '"'), l.Limit.Name...), `";q=`...)
		policy = strconv.AppendUint(append(strconv.AppendUint(policy, l.Limit.Calls, 10), ";w="...), l.Limit.Window, 10)
		left = append(append(append(left, '"'), l.Limit.Name...), `";r=`...)
		left = strconv.AppendInt(append(strconv.AppendUint(left, l.Remaining, 10), ";t="...), seconds(l.Reset), 10)
	}
	h["Ratelimit-Policy"] = []string{string(policy)}
	h["Ratelimit"] = []string{string(left)}
}

// seconds are never fewer than the time there is.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// exceeded says which limit is used up and when there is more.
func exceeded(v *verdict.Verdict) *refusal {
	wait := time.Second
	for i := range v.Left {
		if l := &v.Left[i]; l.Limit == *v.Over {
			wait = max(wait, time.Duration(seconds(l.Reset))*time.Second)
		}
	}
	return made("Too many requests", problem.New(problem.TooMany, "quota_exceeded", "The limit "+v.Over.Name+" of the product is used up.").RetryAfter(wait), "")
}
