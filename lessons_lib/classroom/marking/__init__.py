"""Mark the exercises of students' notebooks.

    python -m lessons_lib.classroom.marking submitted --chapter intro --csv marks.csv

For each exercise of a notebook's chapter, the student's function and what it needs are run in
processes of their own, under limits. They get the arguments of the exercise's cases and send back
answers. Whether these are right is decided in another process, by the check that the chapter uses:
what a notebook prints, and what it does to the checks, changes no mark.

The rooms, in the order of a notebook's way: `reading` (the file), `needs` (what a function needs),
`keeper` (who starts and ends a student's processes) with `limits` (what holds them), `student` (the
half that runs their code), `values` (answers as JSON), `judge` (whether they are right), `marks`
(one notebook), `reports` and `command` (a class), `words` (what is said, in both languages).
"""

from lessons_lib.classroom.marking.marks import Mark, load_cases, mark

__all__ = ["Mark", "load_cases", "mark"]
