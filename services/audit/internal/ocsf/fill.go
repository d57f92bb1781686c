package ocsf

import "strings"

// who is the account an event is about.
func (b *builder) who() object {
	uid := b.text("person_id")
	if uid == "" && b.e.GetSubject().GetKind() == "person" {
		uid = b.e.GetSubject().GetId()
	}
	if uid == "" {
		uid = b.text("client_id")
	}
	if uid == "" {
		uid = b.e.GetActor().GetId()
	}
	if uid == "" {
		return object{"name": "unknown"}
	}
	return object{"uid": uid}
}

func (b *builder) account(mapping) { b.event["user"] = b.who() }

func (b *builder) authentication(m mapping) {
	user := b.who()
	b.event["user"], b.event["service"] = user, object{"name": "Chancery"}
	if m.activity == ticket {
		b.event["auth_protocol_id"], b.event["auth_protocol"] = 6, "OAUTH 2.0"
		user["type_id"], user["type"] = 4, "Service"
		if b.text("token_id") != "" {
			b.event["authentication_token"] = object{"uid": b.text("token_id"), "type_id": 7, "type": "API Token", "expiration_time": b.millis("expires_at")}
		}
		return
	}
	b.event["auth_protocol_id"], b.event["auth_protocol"] = 4, "OpenID"
	for _, method := range b.e.GetAssurance().GetAmr() {
		if method == "mfa" || method == "otp" || method == "hwk" {
			b.event["is_mfa"] = true
		}
	}
	if id := b.text("session_id"); id != "" {
		session := object{"uid": id}
		put(session, "issuer", b.text("issuer"))
		if m.activity == logoff {
			put(session, "expiration_reason", b.text("reason"))
		}
		b.event["session"] = session
	}
	put(b.event, "status_detail", b.text("reason"))
}

func (b *builder) entity(m mapping) {
	e := object{"uid": b.e.GetSubject().GetId(), "type_id": 99, "type": m.what}
	if m.what == "Organization" {
		e["type_id"] = 4
		e["org"] = object{"uid": b.e.GetSubject().GetId()}
	}
	put(e, "name", b.text("name"))
	if e["name"] == nil {
		put(e, "name", b.text("hint"))
	}
	put(e, "version", b.text("version"))
	if m.what == "API credential" {
		e["user"] = object{"uid": or(b.text("application_id"), b.e.GetSubject().GetId()), "type_id": 4, "type": "Service",
			"programmatic_credentials": []object{{"uid": b.e.GetSubject().GetId(), "type": or(b.text("kind"), "api_key")}}}
	}
	b.event["entity"] = e
	put(b.event, "comment", b.text("reason"))
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

func (b *builder) access(m mapping) {
	privileges := b.list("scopes")
	if role := b.text("role"); role != "" {
		privileges = []string{role}
	}
	if v, f := b.field("content"); f != nil && v.Message().IsValid() {
		list := v.Message().Get(v.Message().Descriptor().Fields().ByName("scopes")).List()
		for i := range list.Len() {
			privileges = append(privileges, list.Get(i).String())
		}
	}
	if len(privileges) == 0 {
		privileges = []string{"all of " + b.e.GetSubject().GetKind() + " " + b.e.GetSubject().GetId()}
	}
	b.event["privileges"] = privileges
	if person := b.text("person_id"); person != "" {
		b.event["user"] = object{"uid": person}
	} else {
		b.event["user"] = object{"uid": or(b.text("application_id"), b.e.GetSubject().GetId()), "type_id": 4, "type": "Service"}
	}
	if product := b.text("product_id"); product != "" {
		b.event["resources"] = []object{{"uid": product, "type": "API product"}}
	}
	put(b.event, "status_detail", b.text("reason"))
	if m.failed {
		b.event["action_id"], b.event["action"] = 2, "Denied"
		b.event["metadata"].(object)["profiles"] = []string{"security_control"}
	}
}

func (b *builder) finding(m mapping) {
	technique, name, _ := strings.Cut(m.what, " ")
	b.event["finding_info"] = object{
		"uid": b.r.FactID(len(b.r.Facts) - 1), "title": b.sentence(), "created_time": b.r.Time.UnixMilli(),
		"attacks": []object{{"technique": object{"uid": technique, "name": name}, "version": "17.1"}},
	}
	b.event["resources"] = []object{{"uid": b.e.GetSubject().GetId(), "type": b.e.GetSubject().GetKind()}}
	b.event["is_alert"] = true
	b.event["status_id"], b.event["status"] = 1, "New"
	delete(b.event, "src_endpoint")
	delete(b.event, "http_request")
	delete(b.event, "actor")
}

func (b *builder) call(mapping) {
	b.event["api"] = object{"operation": or(or(b.text("operation_id"), b.text("operation")), "any"), "service": object{"name": "Chancery"}}
	if id := b.text("credential_id"); id != "" {
		b.event["actor"] = object{"user": object{"uid": id, "type_id": 4, "type": "Service"}}
	}
	if product := b.text("product_id"); product != "" {
		b.event["resources"] = []object{{"uid": product, "type": "API product"}}
	}
	if first := b.millis("first_at"); first > 0 {
		b.event["start_time"], b.event["end_time"] = first, b.millis("last_at")
	}
	put(b.event, "status_detail", or(b.text("reason"), b.text("code")))
}

func (b *builder) log(m mapping) {
	b.event["log_name"] = m.what
	delete(b.event, "http_request")
}
