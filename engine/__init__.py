"""Rules that react to what happens on a desktop: tail a journal, match rules, deliver notifications."""
