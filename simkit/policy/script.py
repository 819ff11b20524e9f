"""The rewrite module's little programs: `set`, `if`, `return`, `rewrite`, `break`, in order."""

from __future__ import annotations

from collections.abc import Callable

from simkit.policy.model import Break, If, Location, Op, Return, Rewrite, Set
from simkit.policy.patterns import Pattern
from simkit.policy.reader import Directive
from simkit.policy.source import Source
from simkit.policy.syntax import bad
from simkit.policy.uri import ascii_lower
from simkit.policy.values import Template, Variable

MakeLocation = Callable[[Directive], Location]

_FILE_TESTS = ("-f", "!-f", "-d", "!-d", "-e", "!-e", "-x", "!-x")
_REGEX_TESTS = ("~", "~*", "!~", "!~*")
_REDIRECTS = {"redirect": 302, "permanent": 301}
_FLAGS = ("last", "break", "redirect", "permanent")
_REDIRECT_PREFIXES = ("http://", "https://", "$scheme")
_MAX_CODE = 999

__all__ = ["read_script"]


def read_script(block: tuple[Directive, ...], make: MakeLocation | None) -> tuple[Op, ...]:
    """The program of a block. ``make`` gives what is in force in an `if` (None in a server)."""
    ops = (_op(d, make) for d in block)
    return tuple(op for op in ops if op is not None)


def _op(directive: Directive, make: MakeLocation | None) -> Op | None:
    match directive.name:
        case "set":
            return _set(directive)
        case "return":
            return _return(directive)
        case "rewrite":
            return _rewrite(directive)
        case "break":
            return Break(directive.source)
        case "if":
            return _if(directive, make)
    return None


def _set(directive: Directive) -> Set:
    name, value = directive.args
    if not name.startswith("$") or name == "$":
        raise bad(directive.source, f'invalid variable name "{name}"', "it must begin with $")
    return Set(ascii_lower(name[1:]), Template.parse(value, directive.source), directive.source)


def _return(directive: Directive) -> Return:
    first, source = directive.args[0], directive.source
    if len(directive.args) == 1 and first.startswith(_REDIRECT_PREFIXES):
        return Return(302, Template.parse(first, source), source)
    if not first.isascii() or not first.isdigit() or int(first) > _MAX_CODE:
        raise bad(source, f'invalid return code "{first}"', f"a number up to {_MAX_CODE}")
    text = directive.args[1] if len(directive.args) > 1 else ""
    return Return(int(first), Template.parse(text, source) if text else None, source)


def _rewrite(directive: Directive) -> Rewrite:
    source, (pattern, replacement, *rest) = directive.source, directive.args
    flag = rest[0] if rest else ""
    if rest and flag not in _FLAGS:
        raise bad(source, f'invalid parameter "{flag}"', "one of " + ", ".join(_FLAGS))
    if not replacement:
        raise bad(source, "empty replacement")
    code = _REDIRECTS.get(flag, 302 if replacement.startswith(_REDIRECT_PREFIXES) else 0)
    adds_query = not replacement.endswith("?")
    path, query = Template.parse(replacement.removesuffix("?"), source).split("?")
    return Rewrite(
        Pattern(pattern, caseless=False, source=source),
        path,
        query,
        adds_query,
        code,
        ends=bool(rest) or code != 0,
        stays=flag == "break",
        source=source,
    )


def _if(directive: Directive, make: MakeLocation | None) -> If:
    operator, subject, operand = _condition(directive)
    location = None if make is None else make(directive)
    body = read_script(directive.block or (), make)
    return If(operator, subject, operand, body, location, directive.source)


def _condition(directive: Directive) -> tuple[str, Template, Template | Pattern | None]:
    args, source = directive.args, directive.source
    if args and args[0] in _FILE_TESTS and len(args) == 2:
        return args[0], Template.parse(args[1], source), None
    if not args or not args[0].startswith("$") or len(args[0]) == 1:
        raise bad(source, f'invalid condition "{" ".join(args)}"', "it begins with a variable")
    subject = Template((Variable(ascii_lower(args[0][1:])),), source)
    if len(args) == 1:
        return "", subject, None
    return args[1], subject, _operand(args, source)


def _operand(args: tuple[str, ...], source: Source) -> Template | Pattern:
    if len(args) != 3:
        raise bad(source, f'invalid condition "{" ".join(args)}"')
    if args[1] in _REGEX_TESTS:
        return Pattern(args[2], caseless=args[1].endswith("*"), source=source)
    if args[1] in ("=", "!="):
        return Template.parse(args[2], source)
    raise bad(source, f'unexpected "{args[1]}" in condition', "one of = != ~ ~* !~ !~*")
