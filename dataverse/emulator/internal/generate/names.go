package generate

// spelling is a name as people write it, and as e-mail addresses have it.
type spelling struct{ written, latin string }

// given and family names of many languages and scripts: what a CRM in the field holds, and what breaks a client that
// counts bytes, quotes carelessly or knows only one alphabet.
var (
	givenNames = []spelling{
		{"Anna", "anna"}, {"Björn", "bjorn"}, {"Åsa", "asa"}, {"Zoë", "zoe"}, {"José", "jose"}, {"Łukasz", "lukasz"},
		{"Ngọc", "ngoc"}, {"Дмитрий", "dmitri"}, {"Ольга", "olga"}, {"Ελένη", "eleni"}, {"Γιώργος", "giorgos"},
		{"محمد", "mohammed"}, {"فاطمة", "fatima"}, {"אבי", "avi"}, {"नेहा", "neha"}, {"अर्जुन", "arjun"}, {"美咲", "misaki"},
		{"健太", "kenta"}, {"伟", "wei"}, {"芳", "fang"}, {"민준", "minjun"}, {"서연", "seoyeon"}, {"สมชาย", "somchai"},
		{"Şule", "sule"}, {"İbrahim", "ibrahim"}, {"Þórdís", "thordis"}, {"Siobhán", "siobhan"}, {"Ján", "jan"},
		{"Krzysztof", "krzysztof"}, {"François", "francois"}, {"Chloé", "chloe"}, {"Jürgen", "jurgen"}, {"Jean-Luc", "jean-luc"},
		{"Mary Ann", "maryann"}, {"D'Arcy", "darcy"}, {"Kwame", "kwame"}, {"Nia", "nia"}, {"Oluwaseun", "oluwaseun"},
		{"Thandiwe", "thandiwe"}, {"Mikkel", "mikkel"}, {"Søren", "soren"}, {"Eeva", "eeva"}, {"Jaan", "jaan"}, {"Ilze", "ilze"},
		{"Vytautas", "vytautas"}, {"Zsófia", "zsofia"}, {"Ștefan", "stefan"}, {"Beyza", "beyza"}, {"João", "joao"}, {"Inês", "ines"},
	}
	familyNames = []spelling{
		{"Andersson", "andersson"}, {"Öberg", "oberg"}, {"O'Neill", "oneill"}, {"O’Brien", "obrien"}, {"d'Alençon", "dalencon"},
		{"García Márquez", "garciamarquez"}, {"Müller", "muller"}, {"Strauß", "strauss"}, {"Wójcik", "wojcik"}, {"Nguyễn", "nguyen"},
		{"Петров", "petrov"}, {"Кузнецова", "kuznetsova"}, {"Παπαδόπουλος", "papadopoulos"}, {"الحسن", "alhasan"}, {"כהן", "cohen"},
		{"शर्मा", "sharma"}, {"पटेल", "patel"}, {"田中", "tanaka"}, {"佐藤", "sato"}, {"王", "wang"}, {"李", "li"}, {"김", "kim"},
		{"박", "park"}, {"ศรีสุข", "srisuk"}, {"Yılmaz", "yilmaz"}, {"Çelik", "celik"}, {"Jónsdóttir", "jonsdottir"}, {"Ó Súilleabháin", "osuilleabhain"},
		{"Novák", "novak"}, {"Dvořáková", "dvorakova"}, {"Lefèvre", "lefevre"}, {"Benoît", "benoit"}, {"van der Berg", "vanderberg"},
		{"Smith-Jones", "smith-jones"}, {"Mensah", "mensah"}, {"Okonkwo", "okonkwo"}, {"Dlamini", "dlamini"}, {"Sørensen", "sorensen"},
		{"Virtanen", "virtanen"}, {"Tamm", "tamm"}, {"Bērziņš", "berzins"}, {"Kazlauskas", "kazlauskas"}, {"Szabó", "szabo"},
		{"Popescu", "popescu"}, {"Silva", "silva"}, {"Gonçalves", "goncalves"}, {"Rossi", "rossi"}, {"D’Angelo", "dangelo"},
		{"Null", "null"}, {"Sigurðsson 🌋", "sigurdsson"}, {"Lind 🌻", "lind"}, {"Ek 👩‍🚀", "ek"},
	}
	companyNames = []spelling{
		{"Nordic Timber", "nordictimber"}, {"Kvarn & Söner", "kvarn"}, {"Łódź Optics", "lodzoptics"}, {"Café Zürich", "cafezurich"},
		{"東京精密", "tokyo-seimitsu"}, {"Baltic Freight", "balticfreight"}, {"O'Hara Foods", "oharafoods"}, {"Южный Порт", "yuzhnyport"},
		{"Αιγαίο Ναυτιλία", "aegean"}, {"Atlas Ingénierie", "atlas"}, {"Solar 100 %", "solar100"}, {"Fjord_Data", "fjorddata"},
	}
	jobTitles   = []string{"Purchasing Manager", "Owner", "Engineer", "Inköpare", "Geschäftsführer", "Consultant", "Assistant", "CFO"}
	cityNames   = []string{"Göteborg", "Malmö", "København", "Łódź", "São Paulo", "München", "大阪", "Αθήνα", "Reykjavík", "Zürich"}
	countries   = []string{"Sweden", "Denmark", "Poland", "Brazil", "Germany", "Japan", "Greece", "Iceland", "Switzerland"}
	subjects    = []string{"Your offer", "Re: Your offer", "Minutes of our meeting", "Question about delivery", "Price list", "Förfrågan"}
	noteTexts   = []string{"Prefers the telephone", "Met at the fair", "On parental leave until spring", "Speaks only French 🇫🇷", "Asked for references"}
	leadTopics  = []string{"Interested in our newer offerings", "New store opened this year", "Some interest in our products", "Asked for a price list"}
	productLine = []string{"Packaging line", "Spare parts", "Service agreement", "Training", "New machine", "Trial"}
)
