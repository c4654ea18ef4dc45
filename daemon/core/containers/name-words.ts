/** Generated names are one of these ... */
export const ADJECTIVES: readonly string[] = (
  'able agile airy alert amber ample apt ardent astute avid balmy beaming blithe bold bonny brave breezy bright brisk bubbly buoyant ' +
  'calm candid canny chatty cheery chief chipper civil clear clever cosmic cozy crafty crisp curious dapper daring dashing deft devoted ' +
  'dreamy driven dynamic eager earnest easy elated elegant epic exact expert fabled fair famous fancy fearless festive fiery fleet fluent ' +
  'fond frank free fresh friendly frosty funny gallant gentle genial gifted glad gleeful golden graceful grand happy hardy hearty heroic ' +
  'honest hopeful humble ideal jolly jovial joyful keen kind lavish lively loving loyal lucid lucky lunar magical mellow merry mighty ' +
  'mindful modest musing neat nimble noble peaceful placid playful plucky poetic polished precise proud prudent quaint quick quiet quirky ' +
  'radiant ready regal relaxed robust rosy sage savvy serene sharp shiny silly sincere sleek smart snug solar solid spirited spry stable ' +
  'stellar stoic sturdy sublime sunny super sure sweet swift tender thirsty thrifty tidy tranquil true trusty upbeat vibrant vigilant vital ' +
  'vivid warm wise witty wonderful youthful zealous zen zesty'
).split(' ');

/** ... and one of these: people whom sailing, computing and science owe something. */
export const SURNAMES: readonly string[] = (
  'abel ada allen ampere archimedes atanasoff avogadro babbage backus banach bardeen bell bessel bohr boole borg brahe brattain brooks ' +
  'cantor carson cauchy cerf chandra church clarke codd conway cook cooper coulomb cousteau curie dahl darwin davy dijkstra diffie dirac drake ' +
  'easley eckert edison einstein elion engelbart erdos euclid euler faraday fermat fermi feynman fibonacci floyd fourier franklin galileo galois gauss ' +
  'germain goodall godel goldberg gosling gray haibt halley hamilton hamming hawking heisenberg henry hermite hertz hilbert hoare hodgkin hopper ' +
  'hubble huffman huygens hypatia iverson jackson jacobi jacquard johnson joule kahan kay kepler kernighan khorana kilby knuth kovalevsky lagrange ' +
  'lamarr lamport laplace leavitt leibniz lehmann lewin liskov lovelace lumiere magellan markov maxwell mayer mccarthy mcclintock mclean meitner mendel ' +
  'mendeleev mersenne minsky mirzakhani moore morse nansen napier nash naur newell newton nobel noether norgay noyce nygaard pascal pasteur payne ' +
  'perlman planck poincare poisson pike postel ptolemy raman ramanujan ride riemann ritchie roentgen rosalind rutherford sagan sammet shamir shannon ' +
  'shaw shockley simon sinoussi slocum snyder somerville stallman stonebraker swartz tesla tharp thompson torvalds tu turing varahamihira vaughan ' +
  'venn villani volhard volta watson wescoff wiener wilbur wiles wilkes wing wirth wozniak wright wu yalow yonath zhukovsky zuse'
).split(' ');
