package audit

// Variables are those the service reads beside what every service does, at their defaults.
func Variables() any { return &config{} }
