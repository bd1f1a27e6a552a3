package config

// check looks at the whole, once every block was read. Parts that were not
// read are empty here, and were reported: checks pass over them in silence.
func (ev *evaluator) check() {
	ev.checkDomains()
	ev.checkAddresses()
	ev.checkAliases()
	ev.checkAccounts()
	ev.checkHosts()
	ev.checkRecords()
	ev.checkDates()
	ev.checkAccepts()
}
