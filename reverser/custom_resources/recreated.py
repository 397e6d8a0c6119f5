"""GitRepoConfigs that were deleted and made anew under the same name: nothing of the former ones counts.

A namespace may be given to somebody else between the two, also while nobody watches. So the journal stores
the uid of each, and what it holds of another uid is dropped before the new one is written to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping

from reverser.custom_resources.api_types import GitRepoConfig
from reverser.custom_resources.model import Compiled, ObjectName
from reverser.model.entry import Append
from reverser.model.journal import Journal

SETTING = "owner/"
"""`owner/<destination>` -> the uid of its GitRepoConfig."""


class RecreatedConfigs:
    """Compares uids with those that the journal stores."""

    def __init__(
        self,
        journal: Journal,
        adopt: Callable[[Compiled], Awaitable[None]],
        drop: Callable[[str], Awaitable[None]],
    ) -> None:
        """`adopt` puts something into force; `drop` removes what is stored of a destination that is not."""
        self._journal = journal
        self._adopt = adopt
        self._drop = drop
        self._uids: dict[str, str] | None = None

    async def dropped(self, configs: Mapping[ObjectName, GitRepoConfig], adopted: Compiled) -> Compiled:
        """Drop what former configs of these names have left; what is in force after that, of what is now.

        Raises the journal's TransientError: nothing of `configs` may be adopted then.
        """
        stored = await self._stored()
        uids = {str(name): config.metadata.uid for name, config in configs.items()}
        former = {name for name, uid in uids.items() if stored.get(name, uid) != uid}
        if former:
            adopted = _without(adopted, former)
            await self._adopt(adopted)
            for destination in sorted(former):
                await self._drop(destination)
        await self._remember({name: uid for name, uid in uids.items() if stored.get(name) != uid})
        return adopted

    async def _remember(self, uids: Mapping[str, str]) -> None:
        if uids:
            await self._journal.append(Append(settings={SETTING + name: uid for name, uid in uids.items()}))
            self._uids = {**(await self._stored()), **uids}

    async def _stored(self) -> dict[str, str]:
        if self._uids is None:
            stored = await self._journal.get_settings(SETTING)
            self._uids = {name.removeprefix(SETTING): uid for name, uid in stored.items() if uid}
        return self._uids


def _without(compiled: Compiled, destinations: Collection[str]) -> Compiled:
    return Compiled(
        destinations=tuple(each for each in compiled.destinations if each.name not in destinations),
        rules=tuple(each for each in compiled.rules if each.destination not in destinations),
        credentials=compiled.credentials,
    )
