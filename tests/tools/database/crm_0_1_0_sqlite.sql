-- The CRM's tables as version 0.1.0 made them, without migrations.
CREATE TABLE accounts (
	tenant_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	name VARCHAR(200) NOT NULL,
	domain VARCHAR(253),
	industry VARCHAR(60),
	employees INTEGER,
	annual_revenue_minor BIGINT,
	currency VARCHAR(3) NOT NULL,
	country VARCHAR(2),
	city VARCHAR(80),
	time_zone VARCHAR(64),
	phone VARCHAR(40),
	status VARCHAR(16) NOT NULL,
	owner_id VARCHAR(64),
	search_text TEXT NOT NULL,
	created_at DATETIME NOT NULL,
	updated_at DATETIME NOT NULL,
	version INTEGER NOT NULL,
	CONSTRAINT pk_accounts PRIMARY KEY (tenant_id, id)
);
CREATE INDEX ix_accounts_tenant_id_name_id ON accounts (tenant_id, name, id);
CREATE TABLE audit_trail (
	id INTEGER NOT NULL,
	tenant_id VARCHAR(64) NOT NULL,
	at DATETIME NOT NULL,
	actor VARCHAR(64),
	actor_role VARCHAR(40),
	operation VARCHAR(40) NOT NULL,
	record_type VARCHAR(20) NOT NULL,
	record_id VARCHAR(64) NOT NULL,
	version INTEGER NOT NULL,
	changes JSON NOT NULL,
	CONSTRAINT pk_audit_trail PRIMARY KEY (id)
);
CREATE INDEX ix_audit_trail_tenant_id_record_type_record_id_id ON audit_trail (tenant_id, record_type, record_id, id);
CREATE TABLE contacts (
	tenant_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	account_id VARCHAR(64) NOT NULL,
	first_name VARCHAR(80) NOT NULL,
	last_name VARCHAR(80) NOT NULL,
	email VARCHAR(254),
	phone VARCHAR(40),
	title VARCHAR(120),
	buying_role VARCHAR(20),
	preferred_channel VARCHAR(10),
	email_consent VARCHAR(10) NOT NULL,
	search_text TEXT NOT NULL,
	created_at DATETIME NOT NULL,
	updated_at DATETIME NOT NULL,
	version INTEGER NOT NULL,
	CONSTRAINT pk_contacts PRIMARY KEY (tenant_id, id),
	CONSTRAINT uq_contacts_tenant_id_email UNIQUE (tenant_id, email),
	CONSTRAINT fk_contacts_accounts FOREIGN KEY(tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
CREATE INDEX ix_contacts_tenant_id_account_id_last_name_id ON contacts (tenant_id, account_id, last_name, id);
CREATE TABLE deals (
	tenant_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	account_id VARCHAR(64) NOT NULL,
	name VARCHAR(200) NOT NULL,
	stage VARCHAR(20) NOT NULL,
	line_items JSON NOT NULL,
	amount_minor BIGINT NOT NULL,
	currency VARCHAR(3) NOT NULL,
	owner_id VARCHAR(64),
	competitor VARCHAR(60),
	close_reason VARCHAR(60),
	next_step VARCHAR(300),
	close_date DATE NOT NULL,
	close_date_slips INTEGER NOT NULL,
	closed_at DATETIME,
	search_text TEXT NOT NULL,
	created_at DATETIME NOT NULL,
	updated_at DATETIME NOT NULL,
	version INTEGER NOT NULL,
	CONSTRAINT pk_deals PRIMARY KEY (tenant_id, id),
	CONSTRAINT fk_deals_accounts FOREIGN KEY(tenant_id, account_id) REFERENCES accounts (tenant_id, id)
);
CREATE INDEX ix_deals_tenant_id_account_id ON deals (tenant_id, account_id);
CREATE INDEX ix_deals_tenant_id_owner_id ON deals (tenant_id, owner_id);
CREATE INDEX ix_deals_tenant_id_stage ON deals (tenant_id, stage);
CREATE TABLE activities (
	tenant_id VARCHAR(64) NOT NULL,
	id VARCHAR(64) NOT NULL,
	account_id VARCHAR(64) NOT NULL,
	deal_id VARCHAR(64),
	contact_id VARCHAR(64),
	kind VARCHAR(10) NOT NULL,
	direction VARCHAR(10),
	subject VARCHAR(200) NOT NULL,
	body TEXT NOT NULL,
	occurred_at DATETIME NOT NULL,
	due_at DATETIME,
	status VARCHAR(10),
	owner_id VARCHAR(64),
	created_at DATETIME NOT NULL,
	updated_at DATETIME NOT NULL,
	version INTEGER NOT NULL,
	CONSTRAINT pk_activities PRIMARY KEY (tenant_id, id),
	CONSTRAINT fk_activities_accounts FOREIGN KEY(tenant_id, account_id) REFERENCES accounts (tenant_id, id),
	CONSTRAINT fk_activities_deals FOREIGN KEY(tenant_id, deal_id) REFERENCES deals (tenant_id, id),
	CONSTRAINT fk_activities_contacts FOREIGN KEY(tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
);
CREATE INDEX ix_activities_tenant_id_account_id_occurred_at ON activities (tenant_id, account_id, occurred_at);
CREATE INDEX ix_activities_tenant_id_deal_id_occurred_at ON activities (tenant_id, deal_id, occurred_at);
