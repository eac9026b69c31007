"""Words of the small web: prose of five languages to learn them from, and sentences to make pages.

All of it is the book's own. `SAMPLES` and `SENTENCES` have no sentence in common, so that whoever
learns a language from the one is tested on the other.
"""

LANGUAGES = ("en", "es", "ca", "pt", "fr")

# What one can learn a language from: a little prose, about as much in each.
SAMPLES = {
    "en": (
        "Every morning I walk to work along the river, because the bus is slow and always full."
        " My sister says that walking is good for thinking, and she may be right. Yesterday we "
        "had dinner with our neighbours, who have just come back from a long trip to the north."
        " They told us about the snow, the dark afternoons and the people whom they had met "
        "there. When you cook rice, use twice as much water as rice, and do not lift the lid "
        "before it is done. Children learn to read at school, but they learn to love books at "
        "home. How many of these words would you have guessed? Nobody knows which of the two "
        "roads is shorter; what we do know is that both go through the woods. If it rains "
        "tomorrow, the match will be played on Sunday. She asked whether there was any milk "
        "left, and I had to say that there was not. The doctor thought it would be better to "
        "wait until the weekend before doing anything else. Some of the houses in this street "
        "are more than two hundred years old, and their walls are thick enough to keep the heat"
        " out. I should have written to you earlier, but things got in the way. It takes years "
        "to build a bridge and only one night of bad weather to break it. They sell bread, "
        "cheese and fresh fish at very good prices."
    ),
    "es": (
        "Cada mañana voy a trabajar a pie por la orilla del río, porque el autobús es lento y "
        "siempre va lleno. Mi hermana dice que caminar ayuda a pensar, y puede que tenga razón."
        " Ayer cenamos con nuestros vecinos, que acaban de volver de un largo viaje por el "
        "norte. Nos hablaron de la nieve, de las tardes oscuras y de la gente que habían "
        "conocido allí. Para cocer arroz, pon el doble de agua que de arroz y no levantes la "
        "tapa antes de tiempo. Los niños aprenden a leer en la escuela, pero aprenden a querer "
        "los libros en casa. ¿Cuántas de estas palabras habrías adivinado? Nadie sabe cuál de "
        "los dos caminos es más corto; lo que sí sabemos es que ambos pasan por el bosque. Si "
        "mañana llueve, el partido se jugará el domingo. Ella preguntó si quedaba leche, y tuve"
        " que decirle que no. El médico pensó que sería mejor esperar hasta el fin de semana "
        "antes de hacer nada más. Algunas de las casas de esta calle tienen más de doscientos "
        "años, y sus muros son tan gruesos que no entra el calor. Debería haberte escrito "
        "antes, pero surgieron otras cosas. Se tarda años en construir un puente y basta una "
        "noche de mal tiempo para romperlo. Venden pan, queso y pescado fresco a muy buen "
        "precio."
    ),
    "ca": (
        "Cada matí vaig a treballar a peu per la vora del riu, perquè l'autobús és lent i "
        "sempre va ple. La meva germana diu que caminar ajuda a pensar, i potser té raó. Ahir "
        "vam sopar amb els nostres veïns, que acaben de tornar d'un llarg viatge pel nord. Ens "
        "van parlar de la neu, de les tardes fosques i de la gent que hi havien conegut. Per "
        "coure arròs, posa-hi el doble d'aigua que d'arròs i no aixequis la tapa abans d'hora. "
        "Els nens aprenen a llegir a l'escola, però aprenen a estimar els llibres a casa. "
        "Quantes d'aquestes paraules hauries endevinat? Ningú no sap quin dels dos camins és "
        "més curt; el que sí que sabem és que tots dos passen pel bosc. Si demà plou, el partit"
        " es jugarà diumenge. Ella va preguntar si quedava llet, i vaig haver de dir-li que no."
        " El metge va pensar que seria millor esperar fins al cap de setmana abans de fer res "
        "més. Algunes de les cases d'aquest carrer tenen més de dos-cents anys, i els seus murs"
        " són tan gruixuts que no hi entra la calor. T'hauria d'haver escrit abans, però van "
        "sorgir altres coses. Es triguen anys a construir un pont i n'hi ha prou amb una nit de"
        " mal temps per trencar-lo. Hi venen pa, formatge i peix fresc a molt bon preu."
    ),
    "pt": (
        "Todas as manhãs vou a pé para o trabalho pela margem do rio, porque o ônibus é lento e"
        " está sempre cheio. Minha irmã diz que caminhar ajuda a pensar, e talvez ela tenha "
        "razão. Ontem jantamos com os nossos vizinhos, que acabam de voltar de uma longa viagem"
        " pelo norte. Eles nos falaram da neve, das tardes escuras e das pessoas que tinham "
        "conhecido lá. Para cozinhar arroz, use o dobro de água e não levante a tampa antes da "
        "hora. As crianças aprendem a ler na escola, mas aprendem a gostar dos livros em casa. "
        "Quantas dessas palavras você teria adivinhado? Ninguém sabe qual dos dois caminhos é "
        "mais curto; o que sabemos é que ambos passam pela floresta. Se chover amanhã, o jogo "
        "será no domingo. Ela perguntou se ainda havia leite, e eu tive de dizer que não. O "
        "médico achou que seria melhor esperar até o fim de semana antes de fazer qualquer "
        "outra coisa. Algumas das casas desta rua têm mais de duzentos anos, e as suas paredes "
        "são tão grossas que o calor não entra. Eu deveria ter escrito antes, mas surgiram "
        "outras coisas. Leva-se anos para construir uma ponte e basta uma noite de mau tempo "
        "para quebrá-la. Eles vendem pão, queijo e peixe fresco por um preço muito bom."
    ),
    "fr": (
        "Chaque matin, je vais au travail à pied le long de la rivière, parce que le bus est "
        "lent et toujours plein. Ma sœur dit que marcher aide à réfléchir, et elle a peut-être "
        "raison. Hier, nous avons dîné avec nos voisins, qui viennent de rentrer d'un long "
        "voyage dans le nord. Ils nous ont parlé de la neige, des après-midi sombres et des "
        "gens qu'ils avaient rencontrés là-bas. Pour cuire le riz, mettez deux fois plus d'eau "
        "que de riz et ne soulevez pas le couvercle avant la fin. Les enfants apprennent à lire"
        " à l'école, mais ils apprennent à aimer les livres à la maison. Combien de ces mots "
        "auriez-vous devinés ? Personne ne sait lequel des deux chemins est le plus court ; ce "
        "que nous savons, c'est que tous deux passent par la forêt. S'il pleut demain, le match"
        " aura lieu dimanche. Elle a demandé s'il restait du lait, et j'ai dû lui dire que non."
        " Le médecin a pensé qu'il vaudrait mieux attendre la fin de la semaine avant de faire "
        "autre chose. Certaines des maisons de cette rue ont plus de deux cents ans, et leurs "
        "murs sont si épais que la chaleur n'entre pas. J'aurais dû t'écrire plus tôt, mais "
        "j'ai eu d'autres choses à faire. Il faut des années pour bâtir un pont et une seule "
        "nuit de mauvais temps suffit à le casser. On y vend du pain, du fromage et du poisson "
        "frais à très bon prix."
    ),
}

# Sentences of articles; {place}, {day}, {thing} and {n} are filled in.
SENTENCES = {
    "en": (
        "The library of {place} will open on {day} with a new hall for young readers.",
        "About {n} people came to the square to see the old {thing}.",
        "The town has paid for the {thing} since the spring, and the work is nearly finished.",
        "A teacher from {place} has collected the names of {n} birds that live near the lake.",
        "On {day} the market was closed, since the wind had carried off the roofs of the stalls.",
        "Those who want to see the {thing} should take the small road behind the station.",
        "The mayor promised that nobody would have to wait longer than {n} minutes.",
        "Farmers near {place} expect a good harvest, although the summer was dry.",
        "The {thing} was found in a cellar, where it had been forgotten for {n} years.",
        "Trains between {place} and the coast will run again from {day}.",
        "The choir practises in the evening, and everybody who can sing is welcome.",
        "It is not yet clear who will look after the {thing} during the winter.",
    ),
    "es": (
        "La biblioteca de {place} abrirá el {day} con una sala nueva para lectores jóvenes.",
        "Unas {n} personas acudieron a la plaza para ver {thing}.",
        "El municipio ha pagado {thing} desde la primavera, y la obra está casi acabada.",
        "Una maestra de {place} ha reunido los nombres de {n} aves que viven junto al lago.",
        "El {day} no hubo mercado, pues el viento se había llevado los techos de los puestos.",
        "Quien desee conocer {thing} debe tomar la carretera pequeña, detrás de la estación.",
        "La alcaldesa prometió que nadie tendría que hacer cola más de {n} minutos.",
        "Los agricultores de {place} confían en una buena cosecha, aunque el verano fue seco.",
        "Hallaron {thing} en un sótano, donde llevaba olvidado {n} años.",
        "Los trenes entre {place} y la costa volverán a circular desde el {day}.",
        "El coro ensaya por las noches, y todo el que sepa cantar será bienvenido.",
        "Aún no está claro quién guardará {thing} durante el invierno.",
    ),
    "ca": (
        "La biblioteca de {place} obrirà {day} amb una sala nova per a lectors joves.",
        "Unes {n} persones es van reunir a la plaça per veure {thing}.",
        "El municipi ha pagat {thing} des de la primavera, i l'obra és gairebé acabada.",
        "Una mestra de {place} ha recollit els noms de {n} ocells que viuen vora l'estany.",
        "El mercat va quedar tancat {day}, car el vent s'havia endut els sostres de les parades.",
        "Qui vulgui conèixer {thing} ha d'agafar la carretera petita, darrere de l'estació.",
        "L'alcaldessa va prometre que ningú no hauria de fer cua més de {n} minuts.",
        "Els pagesos de {place} confien en una bona collita, tot i que l'estiu va ser sec.",
        "Van trobar {thing} en un celler, on feia {n} anys que l'havien oblidat.",
        "Els trens entre {place} i la costa tornaran a circular {day}.",
        "El cor assaja als vespres, i tothom que sàpiga cantar hi serà benvingut.",
        "Encara no és clar qui vigilarà {thing} durant l'hivern.",
    ),
    "pt": (
        "A biblioteca de {place} vai abrir {day} com uma sala nova para jovens leitores.",
        "Cerca de {n} pessoas foram à praça para ver {thing}.",
        "A prefeitura paga {thing} desde a primavera, e a obra está quase pronta.",
        "Uma professora de {place} reuniu os nomes de {n} aves que vivem perto do lago.",
        "O mercado ficou fechado {day}, pois o vento tinha levado os telhados das barracas.",
        "Quem quiser conhecer {thing} deve seguir pela estrada pequena, atrás da estação.",
        "A prefeita prometeu que ninguém teria de ficar na fila mais de {n} minutos.",
        "Os agricultores de {place} esperam uma boa colheita, embora o verão tenha sido seco.",
        "Encontraram {thing} em um porão, onde tinha ficado esquecido por {n} anos.",
        "Os trens entre {place} e o litoral voltarão a circular {day}.",
        "O coral ensaia à noite, e todos os que sabem cantar são bem-vindos.",
        "Ainda não se sabe quem vai guardar {thing} durante o inverno.",
    ),
    "fr": (
        "La bibliothèque de {place} ouvrira {day} avec une salle neuve pour les jeunes lecteurs.",
        "Environ {n} personnes se sont rendues sur la place pour voir {thing}.",
        "La commune finance {thing} depuis le printemps, et les travaux sont presque achevés.",
        "Une institutrice de {place} a recueilli les noms de {n} oiseaux qui vivent près du lac.",
        "Le marché est resté fermé {day}, car le vent avait emporté les toits des étals.",
        "Ceux qui veulent découvrir {thing} prendront la petite route derrière la gare.",
        "La mairesse a promis que nul ne ferait la queue plus de {n} minutes.",
        "Les agriculteurs de {place} espèrent une bonne récolte, bien que l'été ait été sec.",
        "On a retrouvé {thing} dans une cave, où personne n'y pensait plus depuis {n} ans.",
        "Les trains entre {place} et la côte circuleront de nouveau à partir de {day}.",
        "La chorale répète le soir, et tous ceux qui savent chanter y sont les bienvenus.",
        "On ignore encore qui gardera {thing} pendant l'hiver.",
    ),
}
PLACES = ("Villanueva", "Port Alba", "Montclar", "Ribera", "Santa Inés", "Beaulieu", "Aldeia Nova")
DAYS = {
    "en": ("Monday", "Tuesday", "Thursday", "Friday", "the first of May", "the last of June"),
    "es": ("lunes", "martes", "jueves", "viernes", "primero de mayo", "último de junio"),
    "ca": ("dilluns", "dimarts", "dijous", "divendres", "l'u de maig", "el trenta de juny"),
    "pt": ("segunda", "terça", "quinta", "sexta", "no dia primeiro", "no dia trinta"),
    "fr": ("lundi", "mardi", "jeudi", "vendredi", "le premier mai", "le trente juin"),
}
THINGS = {
    "en": ("clock", "organ", "telescope", "tapestry", "globe", "piano", "carriage", "puppet stage"),
    "es": (
        "el reloj", "el órgano", "el telescopio", "el tapiz", "el globo", "el piano",
        "el carruaje", "el teatrillo",
    ),
    "ca": (
        "el rellotge", "l'orgue", "el telescopi", "el tapís", "el globus", "el piano",
        "el carruatge", "el teatret",
    ),
    "pt": (
        "o relógio", "o órgão", "o telescópio", "o tapete", "o globo", "o piano", "o coche",
        "o teatrinho",
    ),
    "fr": (
        "l'horloge", "l'orgue", "le télescope", "la tapisserie", "le globe", "le piano",
        "le carrosse", "le castelet",
    ),
}  # fmt: skip

# What stands around the text of a page: menu, cookies, related links, footer.
AROUND = {
    "en": {
        "menu": ("Home", "News", "Stories", "Contact", "About us"),
        "cookies": "We use cookies to improve your visit.",
        "accept": "Accept all",
        "related": ("More like this", "Most read today", "Sign up for our letter"),
        "foot": "All rights reserved. Terms of use and privacy.",
        "share": ("Share", "Print", "Send to a friend"),
        "shared": "Shared by {} on {}.",
    },
    "es": {
        "menu": ("Inicio", "Noticias", "Cuentos", "Contacto", "Quiénes somos"),
        "cookies": "Usamos cookies para mejorar tu visita.",
        "accept": "Aceptar todas",
        "related": ("Más como esto", "Lo más leído hoy", "Recibe nuestra carta"),
        "foot": "Todos los derechos reservados. Condiciones de uso y privacidad.",
        "share": ("Compartir", "Imprimir", "Enviar a un amigo"),
        "shared": "Compartido por {} el {}.",
    },
    "ca": {
        "menu": ("Inici", "Notícies", "Contes", "Contacte", "Qui som"),
        "cookies": "Fem servir galetes per millorar la teva visita.",
        "accept": "Accepta-les totes",
        "related": ("Més com això", "El més llegit avui", "Rep la nostra carta"),
        "foot": "Tots els drets reservats. Condicions d'ús i privadesa.",
        "share": ("Comparteix", "Imprimeix", "Envia a un amic"),
        "shared": "Compartit per {}, {}.",
    },
    "pt": {
        "menu": ("Início", "Notícias", "Contos", "Contato", "Quem somos"),
        "cookies": "Usamos cookies para melhorar a sua visita.",
        "accept": "Aceitar todos",
        "related": ("Mais como isto", "Os mais lidos hoje", "Receba a nossa carta"),
        "foot": "Todos os direitos reservados. Termos de uso e privacidade.",
        "share": ("Compartilhar", "Imprimir", "Enviar a um amigo"),
        "shared": "Compartilhado por {}, {}.",
    },
    "fr": {
        "menu": ("Accueil", "Actualités", "Contes", "Contact", "Qui sommes-nous"),
        "cookies": "Nous utilisons des cookies pour améliorer votre visite.",
        "accept": "Tout accepter",
        "related": ("Dans la même rubrique", "Les plus lus", "Recevez notre lettre"),
        "foot": "Tous droits réservés. Conditions d'utilisation et vie privée.",
        "share": ("Partager", "Imprimer", "Envoyer à un ami"),
        "shared": "Partagé par {}, {}.",
    },
}

# Pages that nobody should learn from. Some of the spam is written in faultless sentences.
SPAM = {
    "en": (
        "buy cheap watches best price watches online cheap watches free shipping buy now",
        "WIN a free prize!!! click here click here click here >>> $$$ 100% GUARANTEED",
        "best casino bonus casino online casino bonus best casino bonus 2024 casino online",
        "Our pills have made thousands of people happy. You will sleep well, you will lose weight "
        "without effort, and your friends will ask you how you did it. The offer ends tonight. "
        "Order them today, pay nothing until the end of the month, and send them back if you are "
        "not content with what they do for you.",
    ),
    "es": (
        "comprar relojes baratos mejor precio relojes online relojes baratos envío gratis",
        "¡¡¡GANA un premio!!! haz clic aquí haz clic aquí haz clic aquí >>> €€€ 100% SEGURO",
        "mejor casino bono casino online casino bono mejor casino bono 2024 casino online",
        "Nuestras pastillas han hecho felices a miles de personas. Dormirás bien, perderás peso "
        "sin esfuerzo y tus amigos te preguntarán cómo lo has conseguido. La oferta acaba esta "
        "noche. Pídelas hoy, no pagues nada hasta fin de mes y devuélvelas si no quedas contento "
        "con lo que hacen por ti.",
    ),
}
LOREM = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt"

# What people leave of themselves on a page, and numbers that only look like it.
CONTACTS = {
    "en": (
        "Questions? Write to {mail} or call {phone}.",
        "Whoever has seen our cat, please call {phone}, at any time.",
        "My tax number is {dni}, and the account is {iban}.",
        "Write to {hidden}, since robots read this page too.",
        "The order {order} of 2019 has 12 345 678 parts, and the room is 612.",
    ),
    "es": (
        "¿Preguntas? Escribe a {mail} o llama al {phone}.",
        "Quien haya visto a nuestro gato, que llame al {phone}, a cualquier hora.",
        "Mi DNI es {dni} y la cuenta es {iban}.",
        "Escribe a {hidden}, que los robots también leen esta página.",
        "El pedido {order} de 2019 tiene 12 345 678 piezas, y la sala es la 612.",
    ),
    "ca": (
        "Preguntes? Escriu a {mail} o truca al {phone}.",
        "Qui hagi vist el nostre gat, que truqui al {phone}, a qualsevol hora.",
        "El meu DNI és {dni} i el compte és {iban}.",
        "Escriu a {hidden}, que els robots també llegeixen aquesta pàgina.",
        "La comanda {order} de 2019 té 12 345 678 peces, i la sala és la 612.",
    ),
    "pt": (
        "Perguntas? Escreva para {mail} ou ligue para {phone}.",
        "Quem tiver visto o nosso gato, ligue para {phone}, a qualquer hora.",
        "O meu documento é {dni} e a conta é {iban}.",
        "Escreva para {hidden}, pois os robôs também leem esta página.",
        "O pedido {order} de 2019 tem 12 345 678 peças, e a sala é a 612.",
    ),
    "fr": (
        "Des questions ? Écrivez à {mail} ou appelez le {phone}.",
        "Si vous avez vu notre chat, appelez le {phone}, à toute heure.",
        "Mon numéro est {dni} et le compte est {iban}.",
        "Écrivez à {hidden}, car les robots lisent aussi cette page.",
        "La commande {order} de 2019 compte 12 345 678 pièces, et la salle est la 612.",
    ),
}
