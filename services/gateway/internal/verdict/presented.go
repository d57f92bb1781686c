package verdict

import "strings"

// presented is the one credential of a request and how it was presented.
type presented struct {
	by     means
	text   string
	reason Reason // why there is none

	checked bool   // whether what a token is bound to was looked at
	bound   Reason // and what came of it
}

// keyPrefix is how API keys begin and no token does.
const keyPrefix = "chy_"

// Keys taken over from another system have any shape, within these lengths.
const leastImported, mostImported = 16, 1024

type means uint8

const (
	byBearer means = iota + 1
	byProof
	byCertificate
	byImported
)

// credentialOf is the one credential of a request. Two, or one in two places, are none; what stands in the query is not
// looked at. The certificate of the connection counts as one only where there is no other.
func credentialOf(r *Request) presented {
	switch {
	case len(r.Authorization)+len(r.APIKey) > 1:
		return presented{reason: Malformed}
	case len(r.APIKey) == 1:
		switch key := r.APIKey[0]; {
		case strings.IndexByte(key, ',') >= 0:
			return presented{reason: Malformed}
		case !strings.HasPrefix(key, keyPrefix):
			if len(key) < leastImported || len(key) > mostImported {
				return presented{reason: Unknown}
			}
			return presented{by: byImported, text: key}
		default:
			return presented{by: byBearer, text: key}
		}
	case len(r.Authorization) == 1:
		return authorization(r.Authorization[0])
	case !r.Certificate.None():
		return presented{by: byCertificate}
	}
	return presented{reason: Missing}
}

// authorization reads RFC 6750 §2.1 and RFC 9449 §7.1; the scheme's letter case does not matter, RFC 9110 §11.1. A comma
// is how gateways join two headers to one, and stands in no credential.
func authorization(header string) presented {
	scheme, text, ok := strings.Cut(header, " ")
	switch {
	case !ok || text == "" || strings.IndexByte(header, ',') >= 0:
	case strings.EqualFold(scheme, "Bearer"):
		return presented{by: byBearer, text: text}
	case strings.EqualFold(scheme, "DPoP"):
		return presented{by: byProof, text: text}
	}
	return presented{reason: Malformed}
}
