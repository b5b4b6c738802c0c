BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.0.0.d');
CREATE TABLE studies (
	study_id INTEGER NOT NULL,
	study_name VARCHAR(512) NOT NULL,
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'old');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL,
	direction VARCHAR(8) NOT NULL,
	study_id INTEGER NOT NULL,
	objective INTEGER NOT NULL,
	PRIMARY KEY (study_direction_id),
	UNIQUE (study_id, objective),
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MINIMIZE',1,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL,
	study_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (study_system_attribute_id),
	UNIQUE (study_id, "key"),
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL,
	study_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (study_user_attribute_id),
	UNIQUE (study_id, "key"),
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_user_attributes" VALUES(1,1,'by','"hand"');
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL,
	trial_id INTEGER NOT NULL,
	heartbeat DATETIME NOT NULL,
	PRIMARY KEY (trial_heartbeat_id),
	UNIQUE (trial_id),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL,
	trial_id INTEGER NOT NULL,
	step INTEGER NOT NULL,
	intermediate_value FLOAT,
	intermediate_value_type VARCHAR(7) NOT NULL,
	PRIMARY KEY (trial_intermediate_value_id),
	UNIQUE (trial_id, step),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,1,0,6.82407842709883305509e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,1,3.41203921354941652754e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,2,2.27469280903294435169e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,2,0,1.9656753051200320792e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,2,1,0.0982837652560016,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,2,2,6.55225101706677359736e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,3,0,6.21634269772239456131e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(8,3,1,3.10817134886119728065e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,3,2,2.07211423257413152043e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,4,0,0.256392017331631,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,4,1,1.2819600866581548626e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,4,2,8.54640057772103195476e-02,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(13,5,0,6.83297142808960922266e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(14,5,1,3.41648571404480461133e-01,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(15,5,2,2.27765714269653640755e-01,'FINITE');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL,
	trial_id INTEGER,
	param_name VARCHAR(512),
	param_value FLOAT,
	distribution_json TEXT,
	PRIMARY KEY (param_id),
	UNIQUE (trial_id, param_name),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'x',6.82407842709883305509e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.1, "high": 10.0, "log": true}}');
INSERT INTO "trial_params" VALUES(2,1,'kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b"]}}');
INSERT INTO "trial_params" VALUES(3,1,'n',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(4,2,'x',1.9656753051200320792e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.1, "high": 10.0, "log": true}}');
INSERT INTO "trial_params" VALUES(5,2,'kind',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b"]}}');
INSERT INTO "trial_params" VALUES(6,2,'n',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(7,3,'x',6.21634269772239456131e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.1, "high": 10.0, "log": true}}');
INSERT INTO "trial_params" VALUES(8,3,'kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b"]}}');
INSERT INTO "trial_params" VALUES(9,3,'n',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(10,4,'x',0.256392017331631,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.1, "high": 10.0, "log": true}}');
INSERT INTO "trial_params" VALUES(11,4,'kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b"]}}');
INSERT INTO "trial_params" VALUES(12,4,'n',3.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(13,5,'x',6.83297142808960922266e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.1, "high": 10.0, "log": true}}');
INSERT INTO "trial_params" VALUES(14,5,'kind',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a", "b"]}}');
INSERT INTO "trial_params" VALUES(15,5,'n',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL,
	trial_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (trial_system_attribute_id),
	UNIQUE (trial_id, "key"),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL,
	trial_id INTEGER,
	"key" VARCHAR(512),
	value_json TEXT,
	PRIMARY KEY (trial_user_attribute_id),
	UNIQUE (trial_id, "key"),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'note','"kept"');
INSERT INTO "trial_user_attributes" VALUES(2,2,'note','"kept"');
INSERT INTO "trial_user_attributes" VALUES(3,3,'note','"kept"');
INSERT INTO "trial_user_attributes" VALUES(4,4,'note','"kept"');
INSERT INTO "trial_user_attributes" VALUES(5,5,'note','"kept"');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL,
	trial_id INTEGER NOT NULL,
	objective INTEGER NOT NULL,
	value FLOAT,
	value_type VARCHAR(7) NOT NULL,
	PRIMARY KEY (trial_value_id),
	UNIQUE (trial_id, objective),
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,6.82407842709883305509e-01,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,1.9656753051200320792e-01,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,2.07211423257413152043e-01,'FINITE');
INSERT INTO "trial_values" VALUES(4,5,0,6.83297142808960922266e-01,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL,
	number INTEGER,
	study_id INTEGER,
	state VARCHAR(8) NOT NULL,
	datetime_start DATETIME,
	datetime_complete DATETIME,
	PRIMARY KEY (trial_id),
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-23 10:52:02.231070','2026-11-23 10:52:02.256656');
INSERT INTO "trials" VALUES(2,1,1,'COMPLETE','2026-11-23 10:52:02.264923','2026-11-23 10:52:02.283507');
INSERT INTO "trials" VALUES(3,2,1,'PRUNED','2026-11-23 10:52:02.288607','2026-11-23 10:52:02.305919');
INSERT INTO "trials" VALUES(4,3,1,'FAIL','2026-11-23 10:52:02.310702','2026-11-23 10:52:02.327193');
INSERT INTO "trials" VALUES(5,4,1,'COMPLETE','2026-11-23 10:52:02.332474','2026-11-23 10:52:02.349744');
INSERT INTO "trials" VALUES(6,5,1,'RUNNING','2026-11-23 10:52:02.354451',NULL);
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL,
	schema_version INTEGER,
	library_version VARCHAR(256),
	PRIMARY KEY (version_info_id),
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'3.1.1');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
COMMIT;
