package principal

import "slices"

// Permission is what a caller must be for an operation: of one of the kinds, holding one of the roles.
type Permission struct {
	// Name is stable and snake_case with dots: "request.review".
	Name string
	// Kinds may call; empty means people only.
	Kinds []Kind
	// Roles of which one is needed; empty means any caller of the kinds.
	Roles []string
	// StepUp demands of a person a fresh proof of a second factor.
	StepUp bool

	public bool
}

// Public is the permission of operations that anybody may call without a session.
var Public = Permission{Name: "public", public: true}

// IsPublic says whether no session is needed.
func (p Permission) IsPublic() bool { return p.public }

// For is a permission of people who hold one of the roles; of any person without roles.
func For(name string, roles ...string) Permission { return Permission{Name: name, Roles: roles} }

// WithStepUp demands a fresh second factor too.
func (p Permission) WithStepUp() Permission { p.StepUp = true; return p }

// To lets callers of these kinds, and no others, have the permission. Roles are asked of people only.
func (p Permission) To(kinds ...Kind) Permission { p.Kinds = kinds; return p }

// AllowedKinds are the kinds that may call.
func (p Permission) AllowedKinds() []Kind {
	if len(p.Kinds) == 0 && !p.public {
		return []Kind{Person}
	}
	return p.Kinds
}

// AllowsKind says whether callers of this kind may call at all.
func (p Permission) AllowsKind(k Kind) bool {
	return p.public || slices.Contains(p.AllowedKinds(), k)
}

// AllowsRoles says whether the caller's roles suffice.
func (p Permission) AllowsRoles(c Principal) bool {
	return p.public || c.Kind != Person || len(p.Roles) == 0 || c.Has(p.Roles...)
}

// Allows says whether the caller has the permission, reach and step-up aside.
func (p Permission) Allows(c Principal) bool { return p.AllowsKind(c.Kind) && p.AllowsRoles(c) }
