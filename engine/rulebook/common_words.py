"""Frequent words of screens and meetings, for the lint of short needles. Those it quotes best come first."""

from __future__ import annotations

__all__ = ["COMMON_WORDS"]

_WORDS = (
    "main said again email available wait maintain "
    "about above access account action active add address after all also always and another answer any app "
    "application are around ask back been before being best better between both browser build button call can "
    "cancel case change channel chat check click close code come comment complete computer contact content "
    "continue could create current customer data date day default delete desktop details developer did different "
    "directory display document does done down download each edit editor end error even every example exit "
    "explorer export far feature feedback file find first folder follow for found from full get give going good "
    "great group had has have head help here high history home hour how however image import important "
    "information inside install into issue item just keep key know language last later learn left let level like "
    "line link list little live load local login long look made make management many market maybe mean meeting "
    "member menu message might minute mode model more most move much must name need network never new next not "
    "notification now number off office often once one online only open option order other our out over own page "
    "panel part password people per person phone picture place plan please point post present price problem "
    "process product profile program project public question quick read ready really reason recent record "
    "release remember remote report request result return review right room run save screen search second section "
    "security see select send server service session set settings share she should show side sign since site "
    "small software some something source speak start status step still stop store such support sure system tab "
    "table take talk task team tell terminal test text than thank that the their them then there these they "
    "thing think this those three through time title today together tomorrow tool top total track try two type "
    "under until update upload use user value version very video view visit want was watch way website week well "
    "were what when where which while who why will window with without word work would write year yesterday yet "
    "you your"
)

COMMON_WORDS: tuple[str, ...] = tuple(_WORDS.split())
