"""Fails when modules of a crate import each other in a ring: `python3 .ci/module-rings.py core apps/recon ...`

An edge is a `crate::module` path outside of comments and tests, or one of a name that lib.rs exports from that module.
"""

import pathlib
import re
import sys


def exported(library):
    """Names that lib.rs exports, with the module that each comes from."""
    owners = {}
    for module, names in re.findall(r"pub(?:\(crate\))? use (?:crate::)?(\w+)::(\{[^}]*\}|\w+);", library):
        owners.update({name: module for name in re.findall(r"\w+", names)})
    return owners


def imports(source):
    """Edges between the top modules of a crate, whose files are below `source`."""
    modules = {p.stem if p.is_file() else p.name for p in source.iterdir() if p.suffix == ".rs" or p.is_dir()}
    modules -= {"lib", "main"}
    owners = exported((source / "lib.rs").read_text())
    edges = {module: set() for module in modules}
    for file in sorted(source.rglob("*.rs")):
        own = file.relative_to(source).parts[0].removesuffix(".rs")
        if own not in modules or own.endswith("tests") or file.stem.endswith("tests"):
            continue
        text = re.sub(r"//.*", "", file.read_text().split("#[cfg(test)]")[0])
        start = r"(?:crate|super)" if file.parent == source else r"crate"
        for path in re.findall(start + r"::(\{[^;]*?\}|\w+)", text):
            for name in re.findall(r"\w+", path):
                target = name if name in modules else owners.get(name)
                if target in modules and target != own:
                    edges[own].add(target)
    return edges


def reachable(edges, start):
    found, open_ = set(), [start]
    while open_:
        for module in edges[open_.pop()] - found:
            found.add(module)
            open_.append(module)
    return found


def rings(edges):
    """Modules that reach themselves, with those that they reach and that reach them."""
    reach = {module: reachable(edges, module) for module in edges}
    groups = {tuple(sorted(n for n in reach[m] if m in reach[n])) for m in edges if m in reach[m]}
    return sorted(group for group in groups if len(group) > 1)


def main():
    failed = False
    for crate in sys.argv[1:]:
        edges = imports(pathlib.Path(crate) / "src")
        for ring in rings(edges):
            failed = True
            print(f"{crate}: ring of modules: {', '.join(ring)}")
            for module in ring:
                print(f"    {module} uses {', '.join(sorted(edges[module] & set(ring)))}")
    sys.exit(failed)


main()
