"""Running the programs of the rewrite module: `set`, `if`, `return`, `rewrite`, `break`.

They run as ngx_http_script.c runs them: a regular expression that fails empties the captures, and
what `rewrite` and a `set` before it copy from an escaped path is escaped again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from simkit.policy import reply
from simkit.policy.ending import Ending
from simkit.policy.facts import Facts
from simkit.policy.model import Break, If, Op, Return, Rewrite, Set
from simkit.policy.patterns import Pattern
from simkit.policy.plan import Handler
from simkit.policy.source import Source
from simkit.policy.uri import extension, unescaped_redirect
from simkit.policy.values import Residue, Template

_FIRST_ERROR, _INTERNAL_ERROR = 400, 500

__all__ = ["Rewriting"]


class Rewriting(Ending):
    """A passage that can run programs."""

    _escapes = False  # whether `set` escapes what it copies from a path

    def _program(self, script: Sequence[Op]) -> None:
        """Run a program from its start."""
        self._escapes = True
        self._run(script)

    def _run(self, script: Sequence[Op]) -> bool:
        """Run a part of a program; False where it was broken off."""
        return all(self._step(op) for op in script)

    def _step(self, op: Op) -> bool:
        match op:
            case Set():
                value, lines = self._variables.because(op.value, escaped=self._escapes)
                self._variables.assign(op.name, value, (*self._ifs, *lines))
            case If():
                return self._if(op)
            case Return():
                self._return(op)
            case Rewrite():
                return self._rewrite_uri(op)
            case Break():
                self._uri_changed = False
                return False
        return True

    # -- conditions ---------------------------------------------------------------------------

    def _if(self, op: If) -> bool:
        holds, lines = self._holds(op)
        if not holds:
            return True
        if op.location is not None:
            self._enter_location(op.location)
        before = len(self._ifs)
        self._ifs += [op.source, *lines]
        went_on = self._run(op.body)
        del self._ifs[before:]
        return went_on

    def _holds(self, op: If) -> tuple[bool, tuple[Source, ...]]:
        subject, lines = self._variables.because(op.subject)
        negated = op.operator.startswith("!")
        if isinstance(op.operand, Pattern):
            return self._matches(op.operand, subject, (op,)) != negated, lines
        if op.operator.lstrip("!").startswith("-"):
            return self._tests_file(op.operator.lstrip("!"), subject) != negated, lines
        if op.operand is None:
            return self._ask_of(op, lambda f: subject.value(f) not in ("", "0"), subject), lines
        other = self._variables.residue(op.operand, escaped=self._escapes)
        same = self._ask_of(op, lambda f: subject.value(f) == other.value(f), subject, other)
        return same != negated, lines

    def _ask_of(self, op: Op, question: Callable[[Facts], bool], *about: Residue) -> bool:
        return self._variables.ask_of((id(op),), question, *about)

    def _matches(self, pattern: Pattern, subject: Residue, key: tuple[Op, ...]) -> bool:
        """Match, and let the groups become variables."""
        found = self._ask_of(key[0], lambda f: pattern.matches(subject.value(f)), subject)
        if found:
            self._variables.capture(pattern, subject)
        else:
            self._variables.captures = None
        return found

    def _tests_file(self, operator: str, name: Residue) -> bool:
        files = self._files
        if files is not None:
            test = files.test
            return self._variables.ask_of(
                ("file", operator), lambda f: test(operator, name.value(f)), name
            )
        root = self._variables.residue(self._here.root.path)

        def question(facts: Facts) -> bool:
            path = self._path_of_file(name.value(facts), root.value(facts))
            if path is None:
                return False
            is_folder = self._is_folder(path)
            # nothing in a site is executable but the folders
            return (operator != "-f" and is_folder) or (operator in "-f-e" and self._is_file(path))

        return self._variables.ask_of(("file", operator, self._here), question, name, root)

    # -- the path -----------------------------------------------------------------------------

    def _rewrite_uri(self, op: Rewrite) -> bool:
        path = self._variables.path
        if not self._matches(op.pattern, path, (op,)):
            return True
        if op.code:
            self._escapes = False
            self._rewritten_redirect(op)
        self._internal = True
        self._uri_changed = not op.stays
        self._escapes = False
        query = self._new_query(op)
        self._variables.path, _ = self._variables.because(op.path)
        self._variables.query = query
        if self._is_empty(self._variables.path):
            self._has_uri = False
            self._finalize(_INTERNAL_ERROR, self._own_rule("the rewritten URI has a zero length"))
        return not op.ends

    def _new_query(self, op: Rewrite) -> Residue:
        old = self._variables.query
        if op.query is None:
            return old if op.adds_query else Residue(())
        new = self._variables.residue(op.query, escaped=True)
        if not op.adds_query or self._is_empty(old):
            return new
        return Residue.join((*new.parts, "&", *old.parts))

    def _is_empty(self, value: Residue) -> bool:
        return self._variables.ask_of(("empty",), lambda f: not value.value(f), value)

    def _rewritten_redirect(self, op: Rewrite) -> NoReturn:
        path, lines = self._variables.because(op.path, escaped=True)
        parts = path.parts
        if op.query is not None:
            query, more = self._variables.because(op.query, escaped=True)
            parts, lines = (*parts, "?", *query.parts), (*lines, *more)
        url = unescaped_redirect(self._variables.known(Residue.join(parts)))
        old = self._variables.known(self._variables.query) if op.adds_query else ""
        if old:
            url += ("?" if op.query is None else "&") + old
        self._redirect(op.code, url, self._rule_at(op.source, "rewrite", lines))

    def _return(self, op: Return) -> NoReturn:
        rule = self._rule_at(op.source, "return")
        if op.text is None and op.code >= _FIRST_ERROR:
            self._finalize(op.code, rule)
        self._set_status = op.code
        self._note_status()
        text = self._variables.residue(op.text or Template((), op.source))
        if op.code in reply.REDIRECTS:
            self._redirect(op.code, self._variables.known(text), rule)
        size = self._variables.ask_of(("bytes",), text.byte_count, text)
        self._answer(op.code, rule, Handler.PAGE, size, self._type_of(self._variables.path))

    def _type_of(self, path: Residue) -> str:
        """The media type that the ending of a path stands for."""
        here = self._here
        return self._variables.ask_of(
            ("type", here),
            lambda f: here.types.get(extension(path.value(f)), here.default_type),
            path,
        )
