"""The steps of texting's tables, in order. A step that has been released is never edited; a new one follows it."""
