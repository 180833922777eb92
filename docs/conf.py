# SPDX-License-Identifier: MIT
"""Sphinx's configuration, for what Debian's python3-sphinx brings along and nothing else."""
import pathlib
import sys

from docutils.parsers.rst import Directive

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'scripts'))
import header_to_rst  # noqa: E402  pylint: disable=wrong-import-position

project = 'eddy'
copyright = 'the eddy authors'  # pylint: disable=redefined-builtin
release = header_to_rst.version()
version = release

extensions = []
primary_domain = 'c'
highlight_language = 'text'
c_id_attributes = ['EDDY_ASYNC']
exclude_patterns = []
html_theme = 'alabaster'
html_theme_options = {'description': "Python's asyncio, for C", 'page_width': '60em'}
html_sidebars = {'**': ['about.html', 'navigation.html', 'searchbox.html']}
html_copy_source = False
smartquotes = False

HEADERS = header_to_rst.all_headers()
NAMES = header_to_rst.names_of(HEADERS)

# One page of section 3 a header, and the guides in section 7.
GUIDES = {
    'tutorial': 'from say_hello to the image pipeline',
    'coming-from-asyncio': "eddy for those who know Python's asyncio",
    'coming-from-threads-or-libuv': 'eddy for those who know threads or libuv',
    'async-threads-or-processes': 'how to tell, and when not to use this',
    'testing': 'testing your own program',
}
man_pages = [(header_to_rst.page(name), f'eddy_{name}', header.subject(), '', 3)
             for name, header in HEADERS.items()]
man_pages += [(name, f'eddy-{name}', what, '', 7) for name, what in GUIDES.items()]


class Inserted(Directive):
    """A directive that stands for lines of reStructuredText."""
    required_arguments = 1
    final_argument_whitespace = True
    has_content = False

    def run(self):
        environment = self.state.document.settings.env
        text = '\n'.join(self.lines(self.arguments[0]))
        page = str(environment.doc2path(environment.docname))
        self.state_machine.insert_input(text.split('\n'), page)
        return []


class HeaderReference(Inserted):
    """`.. header:: lock`: what include/eddy/lock.h says."""

    def lines(self, name):
        environment = self.state.document.settings.env
        environment.note_dependency(str(header_to_rst.INCLUDE / f'{name}.h'))
        environment.note_dependency(header_to_rst.__file__)
        header = HEADERS[name]
        return ['', f'``#include <eddy/{name}.h>``', '',
                *header_to_rst.prose(header.introduction, NAMES), '',
                *header_to_rst.reference(header, NAMES), '']


class Program(Inserted):
    """`.. program-and-output:: examples/lock`: the program's text, and what it prints."""

    def lines(self, path):
        folder, _, name = path.rpartition('/')
        output = f'{folder}/expected/{name}.txt' if folder == '/../examples' else f'{path}.txt'
        return ['', f'.. literalinclude:: {path}.c', '   :language: c', '   :lines: 2-', '',
                'It prints', '', f'.. literalinclude:: {output}', '   :language: text', '']


class Counts(Inserted):
    """`.. counts:: torture-counts.txt`: the table, if `make torture` has left one; so of others."""

    def lines(self, name):
        if not (ROOT / 'docs' / name).exists():
            command = 'make ' + name.split('-')[0]
            return ['', f'*No counts here:* ``{command}`` *has not been run in this tree.*', '']
        return ['', f'.. literalinclude:: {name}', '   :language: text', '']


def setup(app):
    app.add_directive('header', HeaderReference)
    app.add_directive('program-and-output', Program)
    app.add_directive('counts', Counts)
