"""What the report of an item analysis says, in both languages."""

__all__ = ["WORDS"]

WORDS = {
    "en": {
        "title": "Item analysis",
        "summary": "{students} students, {questions} questions. On average students got {mean} % "
        "of the points (standard deviation {deviation}).",
        "missing": "Without an answer: {}; these count as 0 points.",
        "reliability": "Reliability ({name}): {value}; 95 % interval {low} to {high}, by a "
        "bootstrap over the students (2000 samples).",
        "alpha": "Cronbach's alpha",
        "kr20": "KR-20, which is Cronbach's alpha where each answer gets all points or none",
        "error": "A total is uncertain by {} percentage points (standard error of measurement).",
        "no alpha": "Reliability cannot be computed: all students have the same total.",
        "no alpha places": "Reliability cannot be computed: students answered different questions, "
        "and no column says at which place of the exam each stood.",
        "mend": "To mend",
        "nothing": "Nothing stands out.",
        "few": "Questions with fewer than 10 answers, of which nothing is said: {}.",
        "items": "Questions",
        "options": "Answers",
        "alt": "Two plots: discrimination against difficulty of {} questions, and a histogram of "
        "the totals of {} students.",
        "caption": "Each mark on the left is a question. On the right, how many students got which "
        "share of the points.",
        "fine": "fine",
        "to mend": "to mend",
        "difficulty": "share of points",
        "discrimination": "discrimination",
        "total": "total",
        "students": "students",
        "question": "question",
        "answer": "answer",
        "n": "answers",
        "right": "right",
        "yes": "yes",
        "share": "share",
        "best": "best third",
        "least": "last third",
        "finding few": "Only {} answers: too few to judge.",
        "finding negative": "Students who do well elsewhere do worse here: look for a second right "
        "answer or a wrong key.",
        "finding trap": "The best third takes “{}” more often than the right answer: make clear "
        "why it is wrong.",
        "finding easy": "Nearly all get it right: it tells nobody apart; make it harder or keep it "
        "as a warm-up.",
        "finding hard": "It is as hard as guessing or harder: teach it again, or ask it more "
        "clearly.",
        "finding weak": "It hardly tells strong students from weak ones: look at its wording.",
        "finding unused": "Nobody takes “{}”: replace it by a slip that students make.",
    },
    "es": {
        "title": "Análisis de las preguntas",
        "summary": "{students} estudiantes, {questions} preguntas. De media se consiguió el {mean} "
        "% de los puntos (desviación típica {deviation}).",
        "missing": "Sin respuesta: {}; cuentan como 0 puntos.",
        "reliability": "Fiabilidad ({name}): {value}; intervalo del 95 % de {low} a {high}, por "
        "remuestreo (bootstrap) de los estudiantes (2000 muestras).",
        "alpha": "alfa de Cronbach",
        "kr20": "KR-20, que es el alfa de Cronbach cuando cada respuesta vale todo o nada",
        "error": "Un total tiene una incertidumbre de {} puntos porcentuales (error típico de "
        "medida).",
        "no alpha": "La fiabilidad no se puede calcular: todos los estudiantes tienen el mismo "
        "total.",
        "no alpha places": "La fiabilidad no se puede calcular: cada estudiante respondió a otras "
        "preguntas y ninguna columna dice en qué puesto del examen estaba cada una.",
        "mend": "Para mejorar",
        "nothing": "No hay nada que llame la atención.",
        "few": "Preguntas con menos de 10 respuestas, de las que no se dice nada: {}.",
        "items": "Preguntas",
        "options": "Respuestas",
        "alt": "Dos gráficos: discriminación frente a dificultad de {} preguntas e histograma de "
        "los totales de {} estudiantes.",
        "caption": "Cada marca de la izquierda es una pregunta. A la derecha, cuántos estudiantes "
        "consiguieron qué parte de los puntos.",
        "fine": "bien",
        "to mend": "para mejorar",
        "difficulty": "parte de los puntos",
        "discrimination": "discriminación",
        "total": "total",
        "students": "estudiantes",
        "question": "pregunta",
        "answer": "respuesta",
        "n": "respuestas",
        "right": "correcta",
        "yes": "sí",
        "share": "parte",
        "best": "mejor tercio",
        "least": "último tercio",
        "finding few": "Solo {} respuestas: demasiado pocas para juzgarla.",
        "finding negative": "A quienes les va bien en lo demás les va peor aquí: busca una segunda "
        "respuesta correcta o una clave equivocada.",
        "finding trap": "El mejor tercio elige «{}» más que la respuesta correcta: aclara por qué "
        "es falsa.",
        "finding easy": "Casi todos aciertan: no distingue a nadie; hazla más difícil o déjala "
        "para entrar en calor.",
        "finding hard": "Es tan difícil como acertar al azar, o más: vuelve a explicarlo o "
        "pregúntalo con más claridad.",
        "finding weak": "Apenas distingue a los estudiantes fuertes de los débiles: revisa el "
        "enunciado.",
        "finding unused": "Nadie elige «{}»: cámbiala por un error que los estudiantes cometan.",
    },
}
