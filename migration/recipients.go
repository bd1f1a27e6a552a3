package migration

// RecipientQuery asks one or more mail servers about addresses.
type RecipientQuery struct {
	// Hosts are tried in order of preference; Endpoint ("host:port") replaces
	// them when given.
	Hosts    []string
	Endpoint string
	// All asks every host instead of the first that answers.
	All        bool
	Recipients []string
}

// RecipientAnswer is what one server said of one address.
type RecipientAnswer struct {
	Server    string
	Recipient string
	// Code is the SMTP reply code; 0 when the server could not be asked.
	Code int
	Text string
}

// Accepted reports a 2xx reply.
func (a RecipientAnswer) Accepted() bool { return a.Code >= 200 && a.Code < 300 }

// Refused reports a 4xx or 5xx reply: the address is not taken now.
func (a RecipientAnswer) Refused() bool { return a.Code >= 400 }
