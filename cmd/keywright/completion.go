package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help says how a shell takes the script.
func (completionCmd) Help() string {
	return `Put one of these where your shell reads it at its start:

    bash:  source <(keywright completion bash)
    zsh:   source <(keywright completion zsh)
    fish:  keywright completion fish | source`
}

// Run writes the script, made from the commands and flags that the program itself parses.
func (c *completionCmd) Run(h *host, app *kong.Kong) error {
	places := completionPlaces(app.Model.Node)
	switch c.Shell {
	case "bash":
		bashCompletion(h.Stdout, places)
	case "zsh":
		zshCompletion(h.Stdout, places)
	default:
		fishCompletion(h.Stdout, places)
	}
	return nil
}

// place is where on a command line a word is completed: after the words of a command, or after a flag of it.
type place struct {
	path  string // "", "token", "token create", "token create --kind"
	words []offer
}

// offer is one word that can stand there, and what it means.
type offer struct{ word, help string }

// completionPlaces walks the commands that help shows, each with its flags and fixed values.
func completionPlaces(node *kong.Node) []place {
	here := place{path: commandPath(node)}
	var below []place
	for _, child := range node.Children {
		if !child.Hidden {
			here.words = append(here.words, offer{child.Name, child.Help})
			below = append(below, completionPlaces(child)...)
		}
	}
	for _, argument := range node.Positional {
		here.words = append(here.words, fixedValues(argument)...)
	}
	for _, group := range node.AllFlags(true) {
		for _, flag := range group {
			here.words = append(here.words, offer{"--" + flag.Name, flag.Help})
			if values := fixedValues(flag.Value); len(values) > 0 {
				below = append(below, place{strings.TrimSpace(here.path + " --" + flag.Name), values})
			}
		}
	}
	return append([]place{here}, below...)
}

func fixedValues(v *kong.Value) []offer {
	var offers []offer
	for _, value := range v.EnumSlice() {
		if value != "" {
			offers = append(offers, offer{word: value})
		}
	}
	return offers
}

func commandPath(node *kong.Node) string {
	if node.Parent == nil {
		return ""
	}
	return strings.TrimSpace(commandPath(node.Parent) + " " + node.Name)
}

func (p place) list() string {
	words := make([]string, len(p.words))
	for i, o := range p.words {
		words[i] = o.word
	}
	return strings.Join(words, " ")
}

// commandPatterns are the paths of commands as alternatives of a shell's case.
func commandPatterns(places []place) string {
	var paths []string
	for _, p := range places {
		if p.path != "" && !strings.Contains(p.path, "--") {
			paths = append(paths, `"`+p.path+`"`)
		}
	}
	return strings.Join(paths, "|")
}

// shellWords writes the body that bash and zsh share: $at becomes the command
// typed so far, $offers what can follow it and the word before the cursor.
func shellWords(w io.Writer, places []place) {
	fmt.Fprintf(w, "  for word in \"${typed[@]}\"; do\n    case \"${at:+$at }$word\" in\n")
	fmt.Fprintf(w, "      %s) at=\"${at:+$at }$word\" ;;\n    esac\n  done\n", commandPatterns(places))
	fmt.Fprint(w, "  for key in \"${at:+$at }$before\" \"$at\"; do\n    case \"$key\" in\n")
	for _, p := range places {
		fmt.Fprintf(w, "      %q) offers=%q ;;\n", p.path, p.list())
	}
	fmt.Fprint(w, "    esac\n    [ -n \"$offers\" ] && break\n  done\n")
}

func bashCompletion(w io.Writer, places []place) {
	fmt.Fprint(w, `# bash completion for keywright
_keywright() {
  local word key at= offers= before="${COMP_WORDS[COMP_CWORD-1]}"
  local typed=("${COMP_WORDS[@]:1:COMP_CWORD-1}")
`)
	shellWords(w, places)
	fmt.Fprint(w, `  COMPREPLY=($(compgen -W "$offers" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _keywright keywright
`)
}

func zshCompletion(w io.Writer, places []place) {
	fmt.Fprint(w, `#compdef keywright
_keywright() {
  local word key at= offers= before="${words[CURRENT-1]}"
  local -a typed; typed=("${(@)words[2,CURRENT-1]}")
`)
	shellWords(w, places)
	fmt.Fprint(w, `  compadd -- ${=offers} || _files
}
compdef _keywright keywright
`)
}

func fishCompletion(w io.Writer, places []place) {
	fmt.Fprint(w, `# fish completion for keywright
function __keywright_at
  set -l at
  for word in (commandline -opc)[2..]
    switch (string join ' ' $at $word)
`)
	fmt.Fprintf(w, "      case %s\n        set -a at $word\n", strings.ReplaceAll(commandPatterns(places), "|", " "))
	fmt.Fprint(w, `    end
  end
  test "$at" = "$argv"
end
`)
	values := map[string]string{}
	for _, p := range places {
		values[p.path] = p.list()
	}
	for _, p := range places {
		for _, o := range p.words {
			fishOffer(w, p.path, o, values[strings.TrimSpace(p.path+" "+o.word)])
		}
	}
}

// fishOffer writes one completion; a value after a flag belongs to the flag's own line.
func fishOffer(w io.Writer, path string, o offer, values string) {
	name, flag := strings.CutPrefix(o.word, "--")
	if strings.Contains(path, "--") {
		return
	}
	fmt.Fprintf(w, "complete -c keywright -n '__keywright_at %s' -d '%s'", path, fishQuoted(o.help))
	switch {
	case flag && values != "":
		fmt.Fprintf(w, " -l %s -x -a '%s'\n", name, values)
	case flag:
		fmt.Fprintf(w, " -l %s\n", name)
	default:
		fmt.Fprintf(w, " -f -a %s\n", o.word)
	}
}

func fishQuoted(s string) string {
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s)
}
