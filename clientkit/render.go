package clientkit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"bascule/migration"
)

// width of a sheet, in characters: it must survive printing and quoting.
const width = 72

// render writes a sheet. Labels stand in a column, so that the values can be
// read out over the telephone.
func render(p Person, l words) string {
	var b strings.Builder
	title := fmt.Sprintf(l.title, p.Address)
	b.WriteString(title + "\n" + strings.Repeat("-", utf8.RuneCountInString(title)) + "\n\n")
	b.WriteString(wrap(fmt.Sprintf(l.hello, p.Name), "") + "\n")
	b.WriteString(wrap(l.when(p.Switch), "") + "\n")
	if p.exposed() {
		b.WriteString(wrap("!!! "+l.exposed, "") + "\n")
	}
	b.WriteString(l.settings + "\n\n")
	table(&b, p, l)
	b.WriteString("\n" + l.todo + "\n\n")
	for i, step := range l.steps {
		number := strconv.Itoa(i+1) + ". "
		b.WriteString(number + strings.TrimPrefix(wrap(step, strings.Repeat(" ", len(number))), strings.Repeat(" ", len(number))))
	}
	b.WriteString("\n" + wrap(l.warning, ""))
	return b.String()
}

// row is a label and its value; a row without a label is a blank line.
type row struct{ label, value string }

func table(b *strings.Builder, p Person, l words) {
	rows := []row{{l.address, p.Address}, {l.login, p.Login}, {l.password, l.passwords[p.Password]}, {}}
	rows = append(rows, server(l.incoming+" (IMAP)", p.IMAP, l)...)
	rows = append(rows, row{})
	if p.Submission.Host == "" {
		rows = append(rows, row{l.outgoing + " (SMTP)", l.ask})
	} else {
		rows = append(rows, server(l.outgoing+" (SMTP)", p.Submission, l)...)
	}
	if p.Webmail != "" {
		rows = append(rows, row{}, row{l.webmail, p.Webmail})
	}
	column := 0
	for _, r := range rows {
		column = max(column, utf8.RuneCountInString(r.label))
	}
	for _, r := range rows {
		if r.label == "" {
			b.WriteByte('\n')
			continue
		}
		pad := strings.Repeat(" ", column-utf8.RuneCountInString(r.label))
		indent := strings.Repeat(" ", column+5)
		// Values people type are never broken; only sentences are.
		value := r.value
		if strings.Contains(value, " ") {
			value = strings.TrimSpace(wrap(value, indent))
		}
		fmt.Fprintf(b, "  %s%s : %s\n", r.label, pad, value)
	}
}

func server(label string, s migration.Service, l words) []row {
	return []row{{label, s.Host}, {l.port, strconv.Itoa(s.Port)}, {l.security, l.tls[s.TLS]}}
}

// wrap breaks a text at spaces, each line behind an indent, and ends it.
func wrap(text, indent string) string {
	var b strings.Builder
	line := indent
	for _, word := range strings.Fields(text) {
		if line != indent && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			b.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	b.WriteString(line + "\n")
	return b.String()
}

// when says the time of the switch in words; names of days and months are the
// language's own.
func (l words) when(at time.Time) string {
	if at.IsZero() {
		return l.unknownDate
	}
	day := l.days[at.Weekday()]
	date := fmt.Sprintf(l.date, day, at.Day(), l.months[at.Month()-1], at.Year())
	zone, _ := at.Zone()
	return fmt.Sprintf(l.knownDate, date, at.Format("15:04"), zone)
}
