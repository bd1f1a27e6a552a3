package clientkit

import "bascule/migration"

// words is everything a sheet says in one language. The formats of all
// languages take the same arguments.
type words struct {
	title, hello           string
	knownDate, unknownDate string
	// date takes weekday, day, month, year.
	date                              string
	days                              [7]string
	months                            [12]string
	settings, address, login, webmail string
	password                          string
	passwords                         map[Password]string
	incoming, outgoing, port          string
	security, ask                     string
	tls                               map[migration.TLSMode]string
	todo                              string
	steps                             []string
	warning, exposed                  string
}

// Languages returns the languages of sheets, as in configuration.
func Languages() []string { return []string{"de", "en", "fr", "it"} }

func language(name string) (words, bool) {
	switch name {
	case "de":
		return german(), true
	case "en":
		return english(), true
	case "fr":
		return french(), true
	case "it":
		return italian(), true
	}
	return words{}, false
}

func english() words {
	return words{
		title:       "Your mailbox %s is moving",
		hello:       "Hello %s, your mail is moving to a new server. Your messages, folders and address stay as they are; only the settings of your mail programs change.",
		knownDate:   "The switch is planned for %s, from %s (%s). Until then, go on as usual.",
		unknownDate: "You will be told the day of the switch. Until then, go on as usual.",
		date:        "%s %d %s %d",
		days:        [7]string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
		months:      [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
		settings:    "Your new settings", address: "E-mail address", login: "User name", webmail: "Webmail", password: "Password",
		passwords: map[Password]string{Kept: "the same as before", Given: "a new one, which your administrator gives you in person or by telephone"},
		incoming:  "Incoming", outgoing: "Outgoing", port: "Port", security: "Security", ask: "ask your administrator",
		tls:  map[migration.TLSMode]string{migration.Implicit: "SSL/TLS", migration.StartTLS: "STARTTLS, required", migration.NoTLS: "NONE, not encrypted"},
		todo: "What to do, after the switch, on every computer and telephone",
		steps: []string{
			"In your mail program, add a new account with the settings above. Choose IMAP, not POP.",
			"Wait until you see your folders and messages in it.",
			"Look in the old account for folders that exist on this computer only, and for drafts and messages not yet sent. Move what you want to keep to the new account.",
			"Then remove the old account from the program. Nothing on the servers is deleted by that.",
		},
		exposed: "The connection to this server is NOT ENCRYPTED: whoever is on the way can read your password and your mail. Use these settings only inside your own network, and never on a public one.",
		warning: "Nobody will ask you for your password by e-mail. If somebody does, do not answer, and tell your administrator.",
	}
}

func french() words {
	return words{
		title:       "Votre boîte %s déménage",
		hello:       "Bonjour %s, votre courrier passe sur un nouveau serveur. Vos messages, vos dossiers et votre adresse restent les mêmes ; seuls les réglages de vos logiciels de messagerie changent.",
		knownDate:   "Le passage est prévu le %s, à partir de %s (%s). D'ici là, continuez comme d'habitude.",
		unknownDate: "Le jour du passage vous sera annoncé. D'ici là, continuez comme d'habitude.",
		date:        "%s %d %s %d",
		days:        [7]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"},
		months:      [12]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"},
		settings:    "Vos nouveaux réglages", address: "Adresse e-mail", login: "Nom d'utilisateur", webmail: "Webmail", password: "Mot de passe",
		passwords: map[Password]string{Kept: "le même qu'avant", Given: "un nouveau, que votre administrateur vous donne en personne ou par téléphone"},
		incoming:  "Réception", outgoing: "Envoi", port: "Port", security: "Sécurité", ask: "demandez à votre administrateur",
		tls:  map[migration.TLSMode]string{migration.Implicit: "SSL/TLS", migration.StartTLS: "STARTTLS, obligatoire", migration.NoTLS: "AUCUNE, non chiffré"},
		todo: "Que faire, après le passage, sur chaque ordinateur et téléphone",
		steps: []string{
			"Dans votre logiciel de messagerie, ajoutez un nouveau compte avec les réglages ci-dessus. Choisissez IMAP, et non POP.",
			"Attendez d'y voir vos dossiers et vos messages.",
			"Cherchez dans l'ancien compte les dossiers qui n'existent que sur cet ordinateur, les brouillons et les messages pas encore partis. Déplacez dans le nouveau compte ce que vous voulez garder.",
			"Supprimez ensuite l'ancien compte du logiciel. Rien n'est effacé sur les serveurs par là.",
		},
		exposed: "La connexion à ce serveur n'est PAS CHIFFRÉE : quiconque se trouve sur le trajet peut lire votre mot de passe et vos messages. N'utilisez ces réglages que dans votre propre réseau, jamais dans un réseau public.",
		warning: "Personne ne vous demandera votre mot de passe par e-mail. Si quelqu'un le fait, ne répondez pas et prévenez votre administrateur.",
	}
}

func german() words {
	return words{
		title:       "Ihr Postfach %s zieht um",
		hello:       "Guten Tag %s, Ihre E-Mail zieht auf einen neuen Server um. Ihre Nachrichten, Ordner und Ihre Adresse bleiben, wie sie sind; nur die Einstellungen Ihrer E-Mail-Programme ändern sich.",
		knownDate:   "Die Umstellung ist für %s ab %s Uhr (%s) geplant. Bis dahin bleibt alles wie gewohnt.",
		unknownDate: "Der Tag der Umstellung wird Ihnen mitgeteilt. Bis dahin bleibt alles wie gewohnt.",
		date:        "%s, den %d. %s %d,",
		days:        [7]string{"Sonntag", "Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag"},
		months:      [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
		settings:    "Ihre neuen Einstellungen", address: "E-Mail-Adresse", login: "Benutzername", webmail: "Webmail", password: "Passwort",
		passwords: map[Password]string{Kept: "dasselbe wie bisher", Given: "ein neues, das Ihnen Ihr Administrator persönlich oder am Telefon gibt"},
		incoming:  "Posteingang", outgoing: "Postausgang", port: "Port", security: "Sicherheit", ask: "fragen Sie Ihren Administrator",
		tls:  map[migration.TLSMode]string{migration.Implicit: "SSL/TLS", migration.StartTLS: "STARTTLS, zwingend", migration.NoTLS: "KEINE, unverschlüsselt"},
		todo: "Was zu tun ist, nach der Umstellung, auf jedem Computer und Telefon",
		steps: []string{
			"Richten Sie in Ihrem E-Mail-Programm ein neues Konto mit den Einstellungen oben ein. Wählen Sie IMAP, nicht POP.",
			"Warten Sie, bis Sie darin Ihre Ordner und Nachrichten sehen.",
			"Suchen Sie im alten Konto nach Ordnern, die es nur auf diesem Computer gibt, nach Entwürfen und noch nicht gesendeten Nachrichten. Verschieben Sie, was Sie behalten wollen, in das neue Konto.",
			"Entfernen Sie dann das alte Konto aus dem Programm. Auf den Servern wird dadurch nichts gelöscht.",
		},
		exposed: "Die Verbindung zu diesem Server ist NICHT VERSCHLÜSSELT: Wer unterwegs mithört, kann Ihr Passwort und Ihre Post lesen. Verwenden Sie diese Einstellungen nur im eigenen Netz, nie in einem öffentlichen.",
		warning: "Niemand wird Sie per E-Mail nach Ihrem Passwort fragen. Falls doch, antworten Sie nicht und sagen Sie es Ihrem Administrator.",
	}
}

func italian() words {
	return words{
		title:       "La sua casella %s si trasferisce",
		hello:       "Buongiorno %s, la sua posta passa a un nuovo server. Messaggi, cartelle e indirizzo restano gli stessi; cambiano solo le impostazioni dei suoi programmi di posta.",
		knownDate:   "Il passaggio è previsto per %s, dalle ore %s (%s). Fino ad allora continui come al solito.",
		unknownDate: "Il giorno del passaggio le sarà comunicato. Fino ad allora continui come al solito.",
		date:        "%s %d %s %d",
		days:        [7]string{"domenica", "lunedì", "martedì", "mercoledì", "giovedì", "venerdì", "sabato"},
		months:      [12]string{"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"},
		settings:    "Le sue nuove impostazioni", address: "Indirizzo e-mail", login: "Nome utente", webmail: "Webmail", password: "Password",
		passwords: map[Password]string{Kept: "la stessa di prima", Given: "una nuova, che il suo amministratore le dà di persona o per telefono"},
		incoming:  "Posta in arrivo", outgoing: "Posta in uscita", port: "Porta", security: "Sicurezza", ask: "chieda al suo amministratore",
		tls:  map[migration.TLSMode]string{migration.Implicit: "SSL/TLS", migration.StartTLS: "STARTTLS, obbligatorio", migration.NoTLS: "NESSUNA, non cifrato"},
		todo: "Che cosa fare, dopo il passaggio, su ogni computer e telefono",
		steps: []string{
			"Nel suo programma di posta aggiunga un nuovo account con le impostazioni qui sopra. Scelga IMAP, non POP.",
			"Aspetti di vedervi le sue cartelle e i suoi messaggi.",
			"Cerchi nel vecchio account le cartelle che esistono solo su questo computer, le bozze e i messaggi non ancora spediti. Sposti nel nuovo account ciò che vuole conservare.",
			"Poi tolga il vecchio account dal programma. Sui server non si cancella nulla.",
		},
		exposed: "La connessione a questo server NON È CIFRATA: chi si trova lungo il percorso può leggere la sua password e la sua posta. Usi queste impostazioni solo nella propria rete, mai in una pubblica.",
		warning: "Nessuno le chiederà la password per e-mail. Se qualcuno lo fa, non risponda e avvisi il suo amministratore.",
	}
}
