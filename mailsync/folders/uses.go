package folders

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Special uses of RFC 6154 that a mailbox has once.
const (
	Sent    = `\Sent`
	Drafts  = `\Drafts`
	Trash   = `\Trash`
	Junk    = `\Junk`
	Archive = `\Archive`
)

// fold makes names comparable: NFC, case folded, typographic apostrophes straight.
func fold(s string) string {
	return cases.Fold().String(norm.NFC.String(strings.ReplaceAll(strings.TrimSpace(s), "’", "'")))
}

// names returns the names that mail programs and providers give to each use,
// in English, French, German, Italian, Spanish, Dutch and Portuguese; the
// first of each is what we would create.
func names(use string) []string {
	switch use {
	case Sent:
		return []string{"Sent", "Sent Items", "Sent Messages", "Sent Mail", "Sent-Mail", "Envoyés", "Éléments envoyés", "Messages envoyés",
			"Objets envoyés", "Courrier envoyé", "Gesendet", "Gesendete Elemente", "Gesendete Objekte", "Gesendete Nachrichten", "Posta inviata",
			"Inviati", "Inviata", "Messaggi inviati", "Elementi inviati", "Enviados", "Elementos enviados", "Mensajes enviados", "Correo enviado",
			"Verzonden", "Verzonden items", "Verzonden objecten", "Verzonden berichten", "Itens enviados", "Mensagens enviadas", "Correio enviado"}
	case Drafts:
		return []string{"Drafts", "Draft", "Brouillons", "Brouillon", "Entwürfe", "Entwurf", "Bozze", "Borradores", "Borrador", "Concepten",
			"Rascunhos", "Rascunho"}
	case Trash:
		return []string{"Trash", "Deleted Items", "Deleted Messages", "Deleted", "Bin", "Corbeille", "Éléments supprimés", "Messages supprimés",
			"Objets supprimés", "Papierkorb", "Gelöscht", "Gelöschte Elemente", "Gelöschte Objekte", "Gelöschte Nachrichten", "Cestino",
			"Posta eliminata", "Elementi eliminati", "Messaggi eliminati", "Papelera", "Elementos eliminados", "Mensajes eliminados",
			"Prullenbak", "Prullenmand", "Verwijderde items", "Verwijderde objecten", "Verwijderde berichten", "Lixo", "Lixeira",
			"Itens excluídos", "Itens eliminados", "Mensagens excluídas", "Mensagens apagadas"}
	case Junk:
		return []string{"Junk", "Junk Email", "Junk E-mail", "Junk Mail", "Spam", "Spams", "Bulk Mail", "Courrier indésirable", "Indésirables",
			"Indésirable", "Pourriel", "Pourriels", "Junk-E-Mail", "Spamverdacht", "Werbung", "Posta indesiderata", "Indesiderata",
			"Correo no deseado", "Correo basura", "No deseado", "Ongewenst", "Ongewenste e-mail", "Ongewenste reclame", "Lixo eletrônico",
			"Lixo eletrónico", "Correio eletrónico não solicitado", "E-mail de lixo"}
	case Archive:
		return []string{"Archive", "Archives", "Archiv", "Archivio", "Archivo", "Archief", "Arquivo", "Arquivos", "Archivados", "Archiviati"}
	}
	return nil
}

func uses() []string { return []string{Sent, Drafts, Trash, Junk, Archive} }

// useIndex maps folded names to uses.
func useIndex() map[string]string {
	index := map[string]string{}
	for _, use := range uses() {
		for _, n := range names(use) {
			index[fold(n)] = use
		}
	}
	return index
}

// UseOf returns the special use of a folder: its attribute, or what its name
// says when it stands at the top or directly below INBOX.
func UseOf(path []string, attribute string) string { return useOf(path, attribute, useIndex()) }

func useOf(path []string, attribute string, index map[string]string) string {
	for _, use := range uses() {
		if strings.EqualFold(attribute, use) {
			return use
		}
	}
	if rest := belowInbox(path); len(rest) == 1 {
		return index[fold(rest[0])]
	}
	// Gmail files its special folders below a container of its own.
	if len(path) == 2 && (path[0] == "[Gmail]" || path[0] == "[Google Mail]") {
		return index[fold(path[1])]
	}
	return ""
}

// belowInbox strips a leading INBOX from paths that are longer than it.
func belowInbox(path []string) []string {
	if len(path) > 1 && strings.EqualFold(path[0], "INBOX") {
		return path[1:]
	}
	return path
}
