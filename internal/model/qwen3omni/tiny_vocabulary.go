package qwen3omni

import "strings"

// tinyWords are the whole words of the tiny model's vocabulary.
const tinyWords = "the of and to a in is it you that he was for on are with as I his they be at one have this " +
	"from or had by hot but some what there we can out other were all your when up use word how said an each " +
	"she which do their time if will way about many then them would write like so these her long make thing " +
	"see him two has look more day could go come did my sound no most number who over know water than call " +
	"first people may down side been now find any new work part take get place made live where after back " +
	"little only round man year came show every good me give our under name very through just form much great " +
	"think say help low line before turn cause same mean differ move right boy old too does tell sentence set"

// TinyVocabulary returns the text pieces of the tiny model's vocabulary: piece i
// is the text of id i. They are the newline, the 95 printable ASCII characters,
// and common English words with a space in front. The special ids follow them;
// Tiny's Config says which is which.
func TinyVocabulary() []string {
	pieces := []string{"\n"}
	for c := ' '; c <= '~'; c++ {
		pieces = append(pieces, string(c))
	}
	for _, word := range strings.Fields(tinyWords) {
		pieces = append(pieces, " "+word)
	}
	return pieces
}
