#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads the public headers, and writes what they say as reStructuredText for Sphinx's C domain.

    header_to_rst.py HEADER     prints the reference of one header

docs/conf.py uses it for the directive `header`, scripts/check_docs.py for the list of names.

It knows the little C that the headers use, and stops at anything else:
  - A header opens with the licence and one comment about the concept.
  - A comment belongs to the declarations right below it, up to the next empty line. If it begins
    with `name(arguments):` or `name (arguments) { ... }` it is about that name, wherever the macro
    itself is.
  - Names that end in an underscore are the macros' own and left out.
  - Code for C++ and for clang alone is skipped.
"""
import pathlib
import re
import sys
import textwrap

INCLUDE = pathlib.Path(__file__).resolve().parent.parent / 'include/eddy'

NAME = r'(?:eddy_\w*|EDDY_\w*)'
SUBJECT = re.compile(rf'({NAME}) ?(\((?:[^()]|\([^()]*\))*\))(?: (?:\{{ \.\.\. \}}))?(?=[:,. ]|$)')
ATTRIBUTE = re.compile(r'\bEDDY_(API|ASYNC|MUST_USE|PRINTF|BEGIN_DECLS|END_DECLS)\b(\([^()]*\))?')


class Item:
    """A declaration or a macro that has a name for users."""

    def __init__(self, kind, name, signature, code=''):
        self.kind = kind  # function, inline, macro, struct, enum, type, values
        self.name, self.signature, self.code = name, signature, code
        self.suspends = False


class Entry:
    """Items that one comment is about."""

    def __init__(self, text, items):
        self.text, self.items = text, items


def without_branches(text):
    """The text as C reads it: not __cplusplus, not clang; and without the directives."""
    lines, active, seen_define = [], [True], False
    for line in text.replace('\\\n', '\\\n').split('\n'):
        word = re.match(r'#\s*(ifdef|ifndef|if|else|endif|elif|error|include|undef)\b\s*(\S*)', line)
        if not word:
            if all(active):
                lines.append(line)
            continue
        if word[1] in ('ifdef', 'ifndef', 'if'):
            foreign = re.search(r'__cplusplus|__clang__|EDDY_KEYWORDS', line)
            active.append((word[1] == 'ifndef') or not foreign)
        elif word[1] in ('else', 'elif'):
            active[-1] = not active[-1]
        elif word[1] == 'endif':
            active.pop()
        lines.append('')
    if len(active) != 1:
        raise ValueError('#if without #endif')
    return '\n'.join(lines)


def comment_text(comment):
    """The words of a comment, without its frame."""
    body = comment[2:-2]
    lines = [re.sub(r'^ ?\* ?', '', line) if i else line[1:] if line[:1] == ' ' else line
             for i, line in enumerate(body.split('\n'))]
    return '\n'.join(line.rstrip() for line in lines).strip('\n').rstrip()


def pieces_of(text):
    """('comment'|'macro'|'code'|'blank', text), in order."""
    pattern = re.compile(
        r'(?P<comment>/\*.*?\*/)[ \t]*(?:\n|$)'
        r'|(?P<macro>#define (?:[^\n]*\\\n)*[^\n]*)(?:\n|$)'
        r'|(?P<blank>\n)', re.S)
    position = 0
    while position < len(text):
        match = pattern.match(text, position)
        if match:
            yield match.lastgroup, match[match.lastgroup]
            position = match.end()
            continue
        end = end_of_declaration(text, position)
        yield 'code', text[position:end].strip()
        position = end + 1 if text[end:end + 1] == '\n' else end


def end_of_declaration(text, start):
    """After the `;` or the function's last `}` that ends what begins at start."""
    depth, position = 0, start
    while position < len(text):
        if text.startswith('/*', position):
            position = text.index('*/', position) + 2
            continue
        char = text[position]
        if char in '{(':
            depth += 1
        elif char in '})':
            depth -= 1
            if char == '}' and depth == 0 and re.match(r'(static inline|namespace)', text[start:]):
                return comment_after(text, position + 1)
        elif char == ';' and depth == 0:
            return comment_after(text, position + 1)
        elif char == '\n' and not text[start:position].strip(' \n') :
            return position
        elif char == '\n' and re.fullmatch(r'EDDY_(BEGIN|END)_DECLS\s*', text[start:position]):
            return position
        position += 1
    if text[start:].strip():
        raise ValueError(f'a declaration without an end: {text[start:start + 200]}')
    return position


def comment_after(text, position):
    """A comment on the line of the declaration's end is a part of it."""
    match = re.compile(r'[ \t]*/\*.*?\*/', re.S).match(text, position)
    return match.end() if match else position


def item_of_macro(code):
    match = re.match(r'#define (\w+)(\([^()]*\))?', code)
    return Item('macro', match[1], macro_signature(match[1] + (match[2] or '')), code)


def item_of_code(code):
    """None for what has no name of its own."""
    bare = re.sub(r'/\*.*?\*/', '', code, flags=re.S)
    plain = ' '.join(ATTRIBUTE.sub('', bare).split()).rstrip(';').strip()
    if not plain or plain.startswith('namespace'):
        return None
    function = re.match(r'(static inline )?([\w\s*]+?[\s*])(\w+)(\(.*?\))( \{.*)?$', plain)
    if plain.startswith('typedef'):
        opaque = re.fullmatch(r'typedef (?:struct|union) \w+(?: \{.*\})? (\w+)', plain)
        if opaque:
            shown = code if '{' in plain and not re.search(r'private_|\w+_[,;]', plain) else ''
            return Item('type', opaque[1], opaque[1], shown)
        kind = re.fullmatch(r'typedef (.*?)(\w+)(\(.*\))?', plain)
        return Item('type', kind[2], kind[1] + kind[2] + (kind[3] or ''))
    compound = re.match(r'(struct|enum) (\w*) ?\{', plain)
    if compound:
        if not compound[2]:
            return Item('values', re.search(r'EDDY_\w+', plain)[0], '', code)
        return Item(compound[1], compound[2], compound[2], code)
    if not function:
        if re.fullmatch(r'struct \w+', plain):
            return None
        raise ValueError(f'what is this? {plain[:200]}')
    item = Item('inline' if function[1] else 'function', function[3],
                f'{function[2].strip()} {function[3]}{function[4]}'
                .replace('* ', '*').replace('( ', '('))
    item.suspends = 'EDDY_ASYNC' in code
    return item


class Header:
    def __init__(self, path):
        self.name = path.stem
        text = path.read_text(encoding='utf-8')
        licence, _, text = text.partition('\n')
        if licence != '/* SPDX-License-Identifier: MIT */':
            raise ValueError(f'{path}: no licence line')
        opening = re.match(r'/\*\n.*?\*/\n', text, re.S)
        if not opening:
            raise ValueError(f'{path}: no opening comment')
        self.introduction = comment_text(opening[0].strip())
        text = re.sub(r'^#pragma .*\n', '', text, flags=re.M)  # these declare nothing
        try:
            self.entries = self.read(without_branches(text[len(opening[0]):]))
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from None

    def read(self, text):
        paragraphs, comment, items = [], None, []
        for kind, piece in [*pieces_of(text), ('blank', '')]:
            if kind == 'comment':
                if items or comment:
                    paragraphs.append((comment, items))
                comment, items = comment_text(piece), []
            elif kind == 'macro':
                items.append(item_of_macro(piece))
            elif kind == 'code':
                items += [item for item in [item_of_code(piece)] if item]
            elif items or comment:
                paragraphs.append((comment, items))
                comment, items = None, []
        return self.entries_of(paragraphs)

    @staticmethod
    def entries_of(paragraphs):
        macros = {item.name for _, items in paragraphs for item in items if item.kind == 'macro'}
        entries, seen = [], set()
        for comment, items in paragraphs:
            suspends = any(item.suspends for item in items)
            found = []
            subject = SUBJECT.match(comment or '')
            if subject and subject[1] in macros:
                found.append(Item('macro', subject[1], macro_signature(subject[1] + subject[2])))
                found[-1].suspends = suspends
            found += items
            shown = []
            for item in found:
                public = re.fullmatch(NAME, item.name) and not item.name.endswith('_')
                key = item.name, item.kind == 'struct'
                if public and key not in seen and not item.name.endswith('_H'):
                    seen.add(key)
                    shown.append(item)
            if shown:
                entries.append(Entry(comment or '', shown))
        # A macro over a hidden function suspends when that does.
        hidden = {item.name for _, items in paragraphs for item in items if item.suspends}
        for entry in entries:
            for item in entry.items:
                item.suspends = item.suspends or item.name + '_' in hidden
        return entries

    def subject(self):
        """The introduction's first sentence, without its full stop."""
        paragraph = self.introduction.split('\n\n')[0]
        first = re.split(r'(?<=\w)[.:](?:\s|$)', paragraph, maxsplit=2)
        sentence = first[1] if len(first[0]) < 24 and len(first) > 2 else first[0]
        return ' '.join(sentence.split())

    def items(self):
        return [item for entry in self.entries for item in entry.items]


def all_headers():
    headers = {path.stem: Header(path) for path in sorted(INCLUDE.glob('*.h'))}
    # `typedef struct eddy_group eddy_group;` is a mention if another header has the struct.
    functions = {item.name for header in headers.values() for item in header.items()
                 if item.kind == 'function'}
    for header in headers.values():
        for entry in header.entries:
            entry.items = [item for item in entry.items if not (
                item.kind == 'type' and not item.code and item.name != 'eddy_' + header.name and
                item.name[len('eddy_'):] in headers)]
        header.entries = [entry for entry in header.entries if entry.items]
        for entry in header.entries:
            for item in entry.items:
                if item.kind == 'struct' and 'private_' in item.code:
                    item.kind, item.code = 'type', ''
                elif item.kind == 'struct' and item.name in functions:
                    item.kind = 'values'  # the C domain has one name space, C has two
    return headers


def page(name):
    """Of a header. Sphinx has a page `search` of its own."""
    return 'searching' if name == 'search' else name


def version():
    return re.search(r'#define EDDY_VERSION "(.*)"', (INCLUDE / 'base.h').read_text())[1]


# ---- writing ----

ROLES = {'function': 'func', 'inline': 'func', 'macro': 'macro', 'struct': 'struct',
         'enum': 'enum', 'type': 'type'}


def names_of(headers):
    """name -> role"""
    return {item.name: ROLES[item.kind] for header in headers.values() for item in header.items()
            if item.kind in ROLES}


MARKUP = re.compile(
    r'(?P<tick>`[^`]+`)|(?P<header>\b(?:eddy/)?[a-z_]+\.h\b)'
    r'|(?P<word>\b(?:eddy|EDDY)_\w*[a-zA-Z0-9](?:\(\))?)(?!\w)|(?P<code>(?<!\w)-E[A-Z0-9]{2,}\b)'
    r'|(?P<special>[\\*|`]|_(?=\W|$))')


def inline(text, names):
    """Prose: names become links, codes literals, and nothing else is markup."""
    def markup(match):
        if match['tick']:
            return f'``{" ".join(match["tick"][1:-1].split())}``'
        if match['header']:
            name = match['header'].removeprefix('eddy/')[:-2]
            return f':doc:`{match["header"]} <{page(name)}>`' if (INCLUDE / f'{name}.h').exists() \
                else f'``{match["header"]}``'
        if match['word']:
            word = match['word'].removesuffix('()')
            role = names.get(word)
            return f':c:{role}:`{word}{"()" if role == "func" else ""}`' if role \
                else f'``{match["word"]}``'
        return f'``{match["code"]}``'

    def replace(match):
        if match['special']:
            return '\\' + match['special']
        # An escaped space parts markup from what would keep it from being that, and isn't shown.
        before, after = text[match.start() - 1:match.start()], text[match.end():match.end() + 1]
        return ('' if not before or before in ' \n\'"([{<-/:' else '\\ ') + markup(match) + \
            ('' if not after or after in ' \n\'")]}>-/\\:.,;!?' else '\\ ')
    return MARKUP.sub(replace, text)


def prose(text, names):
    """A comment's paragraphs, lists and indented code."""
    out, words, code, listed = [], [], [], False

    def end_words():
        nonlocal words
        if words:
            lines = inline('\n'.join(words), names).split('\n')
            out.extend([('- ' if listed else '') + lines[0]])
            out.extend([('  ' if listed else '') + line for line in lines[1:]])
        words = []

    def end_code():
        nonlocal code
        if code:
            block = textwrap.dedent('\n'.join(code)).rstrip()
            out.extend(['', '.. code-block:: ' + language(block), '',
                        *textwrap.indent(block, '   ').split('\n'), ''])
        code = []

    for line in text.split('\n'):
        if line.startswith('  - '):
            end_words()
            end_code()
            if not listed:
                out.append('')
            listed, words = True, [line[4:]]
        elif listed and words and re.match(r'    \S', line):
            words.append(line[4:])
        elif re.match(r'  +\S', line):
            end_words()
            listed = False
            code.append(line)
        elif not line:
            end_words()
            (code if code else out).append('')
        else:
            end_code()
            if listed:
                end_words()
                out.append('')
                listed = False
            words.append(line)
    end_words()
    end_code()
    return out


def language(block):
    if re.search(r'^\s*[|+*] |^\s*-E', block, re.M) or '...' in re.sub(r'//.*|\{.*|"', '', block):
        return 'text'
    return 'c' if re.search(r'[;{]|eddy_\w+ ?\(', block) else 'text'


def about(text, names):
    """A comment's text; of `name(arguments): does` only `Does` where the signature says the rest."""
    match = SUBJECT.match(text)
    if not match:
        return prose(text, names) if text else []
    rest = text[match.end():].lstrip(' ')
    same = macro_signature(match[1] + match[2]) == match[0]
    if rest[:2] in (': ', ':\n'):
        rest = rest[2:].lstrip()
        rest = rest[:1].upper() + rest[1:]
    else:
        same = False
    shown = [] if same else ['.. code-block:: c', '   :force:', '', '   ' + ' '.join(match[0].split()), '']
    return shown + prose(rest, names)


def macro_signature(signature):
    """What the C domain takes for one: names, and `...` for fields."""
    name, arguments = re.match(r'(\w+)(?:\((.*)\))?', signature, re.S).groups()
    if arguments is None:
        return name
    if not arguments.strip():
        return name + '()'
    words = []
    for argument in re.split(r',\s*', arguments):
        word = argument.strip().lstrip('&')
        words.append(word if re.fullmatch(r'\w+', word) else '...')
    while words.count('...') > 1:
        words.remove('...')
    if '...' in words:
        words = words[:words.index('...')] + ['...']
    return f'{name}({", ".join(words)})'


def reference(header, names):
    """The lines of a header's declarations."""
    out = []
    for entry in header.entries:
        visible = [item for item in entry.items if item.kind in ROLES]
        if not visible:
            out += prose(entry.text, names) if entry.text else []
            for item in entry.items:
                out += ['', '.. code-block:: c', '',
                        *textwrap.indent(item.code, '   ').split('\n'), '']
            continue
        by_kind = {}
        for item in visible:
            by_kind.setdefault('function' if item.kind == 'inline' else item.kind, []).append(item)
        *others, (last_kind, last) = by_kind.items()
        for kind, items in others:
            out += directive(kind, items) + ['']
        body = []
        if any(item.suspends and item.kind == 'macro' for item in visible):
            body += ['``EDDY_ASYNC``', '']
        body += about(entry.text, names)
        for item in visible:
            if item.code and item.kind in ('struct', 'enum', 'type'):
                body += ['', '.. code-block:: c', '',
                         *textwrap.indent(item.code, '   ').split('\n'), '']
        out += directive(last_kind, last) + ['']
        out += [('   ' + line).rstrip() for line in body] + ['']
    return out


def directive(kind, items):
    """Several signatures may share a text. The attribute needs c_id_attributes of Sphinx."""
    signatures = [('EDDY_ASYNC ' if item.suspends and kind == 'function' else '') + item.signature
                  for item in items]
    return [f'.. c:{kind}:: ' + ('\n' + ' ' * (len(kind) + 9)).join(signatures)]


def main():
    headers = all_headers()
    names = names_of(headers)
    header = headers[pathlib.Path(sys.argv[1]).stem]
    print('\n'.join(prose(header.introduction, names) + [''] + reference(header, names)))


if __name__ == '__main__':
    main()
