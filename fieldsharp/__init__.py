"""The import root of the project: its packages lie next to this folder, and are links in it.

One root keeps the names `model`, `storage` or `data` free for the user's own modules, also once the
project is installed. Why links: docs/adr/0026-one-import-root.md.
"""

from fieldsharp.earlier_names import install

install()
